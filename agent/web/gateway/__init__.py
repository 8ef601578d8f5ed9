"""The views of the configuration and of the gateway itself."""
