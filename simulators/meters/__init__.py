"""Measuring instruments: gain and phase errors within their class, refresh interval, counters."""
