"""Recordings of waveforms: CSV and COMTRADE files."""
