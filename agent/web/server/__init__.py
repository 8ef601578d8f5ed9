"""The process: application, access, live stream."""
