"""Condition of motors and drives: what is wrong, how certain that is, and what cannot be seen."""
