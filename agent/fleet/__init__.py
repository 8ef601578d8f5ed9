"""Fleets: questions about a lake that many gateways have filled, collection of rows from a broker, verification."""
