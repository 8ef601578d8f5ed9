"""The physics: grid, machines, drive, pumps. Steady state, one solution per step; SI units throughout."""
