"""Efficiency, losses and energies of a motor with their uncertainty."""
