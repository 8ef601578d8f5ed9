"""What all views need: the motors, the live messages, values, the state file, codes."""
