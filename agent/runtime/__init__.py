"""The agent process: assembly of its components, pipeline, reconfiguration, health and maintenance."""
