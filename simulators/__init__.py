"""A plant to test against, with the truth beside it.

May read drivers (profiles, names, EWS/1), never dsp or agent: truth may not come from the code under test.
"""
