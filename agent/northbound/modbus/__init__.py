"""The Modbus TCP server: input registers with the newest values of each motor."""
