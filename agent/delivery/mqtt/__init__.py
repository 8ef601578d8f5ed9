"""MQTT: connection, sink, and the follower that reads the topics back."""
