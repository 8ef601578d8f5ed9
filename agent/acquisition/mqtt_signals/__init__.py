"""Signals from MQTT topics: subscribed, read, checked, and passed on like the readings of a device."""
