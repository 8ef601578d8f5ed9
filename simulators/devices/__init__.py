"""Simulated devices on a bus: register images encoded from a profile, and the waveform sender."""
