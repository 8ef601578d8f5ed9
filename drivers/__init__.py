"""Devices and wires: profiles, buses, waveform streams. Nothing of MQTT, nothing of dsp."""
