"""Condition from rows of one second of a meter and a drive; plain Python, small enough for every agent."""
