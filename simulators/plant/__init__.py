"""Physics of the plant: grid, machines, drive, pumps. Steady state, one solution for each step; SI units throughout."""
