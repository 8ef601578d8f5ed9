"""Avoided energy of a period, its uncertainty, verdict and price."""
