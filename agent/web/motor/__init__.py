"""The Motor view: losses, uncertainty, old plant."""
