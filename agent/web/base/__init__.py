"""What all views need: the live messages, values, the state file, codes."""
