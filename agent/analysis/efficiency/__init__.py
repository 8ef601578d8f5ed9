"""Live efficiencies of motors with method and uncertainty, energy counters, and their explanation."""
