"""Real wires on this machine: Modbus TCP on loopback, RTU and byte streams on pseudo-terminals."""
