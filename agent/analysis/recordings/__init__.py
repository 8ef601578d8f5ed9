"""Recordings: analysed with the signal processing of the agent (docs/how-to/replay.md)."""
