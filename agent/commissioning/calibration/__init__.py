"""Reads digital calibration certificates (DCC of PTB) for the configuration."""
