"""From messages to brokers and files: spool, publisher and sinks."""
