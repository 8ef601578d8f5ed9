"""What stands on a wire: register images written from a profile, and the waveform sender."""
