"""Modbus buses and devices, register maps, waveform streams and recordings. Imports neither MQTT code nor `dsp`."""
