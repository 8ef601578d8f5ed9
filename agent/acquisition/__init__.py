"""Readings and waveforms from buses, MQTT signals and streams."""
