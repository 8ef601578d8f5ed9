"""Alarms: their records as the page shows them, and what an operator enters."""
