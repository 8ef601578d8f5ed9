"""The commands of `magwatt`, one module for each; agent.cli lists them."""
