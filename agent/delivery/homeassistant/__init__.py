"""Home Assistant discovery."""
