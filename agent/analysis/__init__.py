"""Results from readings, waveforms and recordings."""
