"""What every package of the agent uses."""
