"""Buses and devices (Modbus, DL/T 645, S7), register maps, waveform streams, recordings. Imports no other package.

Reasons and TOML files are here, too, because all other packages use them.
"""
