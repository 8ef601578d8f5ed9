"""Computation of savings from intervals and a frozen baseline."""
