"""Analyses of the measured values: efficiency, power quality, condition, recordings."""
