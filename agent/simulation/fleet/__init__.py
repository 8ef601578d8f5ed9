"""A simulated fleet of gateways that loads a broker."""
