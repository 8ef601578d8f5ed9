"""Buses on this host: Modbus TCP on loopback, Modbus RTU and byte streams on pseudo-terminals."""
