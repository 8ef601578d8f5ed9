"""Recordings: analysed with the signal processing of the agent (docs/replay.md)."""
