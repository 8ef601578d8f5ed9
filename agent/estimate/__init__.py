"""How well a motor does, live: efficiencies with their method and U, energies counted, and how a figure came about."""
