"""What instruments make of the plant: gain and phase errors inside their class, refresh, counters."""
