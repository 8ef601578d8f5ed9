"""MQTT: connection, rate limits and the sink of the JSON topics."""
