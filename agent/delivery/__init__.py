"""Delivery of rows: the spool, and the sinks by protocol."""
