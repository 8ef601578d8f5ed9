"""Simulated plants for people: serve, accelerated runs, fleet load."""
