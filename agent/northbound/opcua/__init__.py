"""The OPC UA server: a node for each metric of each motor, with status and time."""
