"""Sparkplug B edge node."""
