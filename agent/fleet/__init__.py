"""Fleets: queries of a lake with the rows of many gateways, collection of rows from a broker, verification."""
