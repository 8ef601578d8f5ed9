"""Destinations of results: one file per dialect (agent/delivery/base/sink.py)."""
