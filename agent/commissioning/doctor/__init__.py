"""Diagnosis of buses, clock, disk, broker and signals, each finding with the action to take (`magwatt doctor`)."""
