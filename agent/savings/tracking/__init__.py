"""Savings while the agent runs: intervals, non-routine events and messages."""
