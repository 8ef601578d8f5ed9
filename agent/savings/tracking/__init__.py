"""Intervals and non-routine events while the agent runs."""
