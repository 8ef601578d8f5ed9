"""Before and during operation: discovery, init, calibration certificates, self-check, wizard, doctor."""
