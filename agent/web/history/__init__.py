"""Values over time for the charts."""
