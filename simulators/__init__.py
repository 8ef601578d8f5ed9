"""Simulated plants for tests, with the true values of all quantities.

May import drivers (profiles, vocabulary, EWS/1), never dsp or agent: true values must not come from the code under
test.
"""
