"""Signals that somebody publishes: subscribed, read, judged, and handed on like the readings of a device."""
