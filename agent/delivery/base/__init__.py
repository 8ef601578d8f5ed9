"""What all sinks share: their protocol and the types of metrics."""
