"""Rows of many gateways from a broker to a lake: received, synced to disk, acknowledged, then converted."""
