"""The agent process: assembly, pipeline, reconfiguration, health, maintenance."""
