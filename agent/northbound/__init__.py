"""Servers for the systems above: Modbus TCP and OPC UA. Each is a separate process, which reads only."""
