"""Backup of a gateway into one file while the agent runs, and its restoration."""
