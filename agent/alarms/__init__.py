"""Alarms by ISA-18.2 / IEC 62682: states, suppression, shelving, metrics."""
