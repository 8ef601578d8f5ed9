"""Waveforms of each motor to windows, 3 s and 10 min values and events."""
