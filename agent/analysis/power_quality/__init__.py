"""Windows, 3 s and 10 min values and events from the waveform of each motor."""
