"""The process: application, connections, live stream."""
