"""Codes of the sinks: why a connection ended, why a row can never be delivered, and what operators should know."""

from __future__ import annotations

from drivers.reasons import Code

# Why a connection ended or was not established

CONNECT_FAILED = Code("connect_failed", "connection failed: {error}")
CONNACK_TIMEOUT = Code("connack_timeout", "no CONNACK within {timeout_s:g} s")
CONNECT_REJECTED = Code("connect_rejected", "connection rejected: {error}")
CLOSED_BEFORE_CONNACK = Code("closed_before_connack", "connection closed before the CONNACK: {error}")
CONNECTION_LOST = Code("connection_lost", "connection lost: {error}")
CONFIRMATION_TIMEOUT = Code("confirmation_timeout", "connection lost: no confirmation within {timeout_s:.0f} s")
PUBLISH_FORBIDDEN = Code("publish_forbidden", "the broker does not authorize this client to publish to {topic}")
QOS_1_UNSUPPORTED = Code("qos_1_unsupported", "the broker supports QoS 0 only, so it cannot confirm rows")
CLIENT_ID_CONFLICT = Code(
    "client_id_conflict",
    "another client connected with the client identifier {client_id}: an agent with the same site and gateway runs "
    "with another state directory or on another computer. Stop one of them, or set a unique site.id or site.gateway",
)
CLIENT_ID_CONFLICT_SUSPECTED = Code(
    "client_id_conflict_suspected",
    "{n:d} connections in a row ended within {limit_s:g} s; probably another client uses the client identifier "
    "{client_id}: an agent with the same site and gateway that runs with another state directory or on another "
    "computer. Stop one of them, or set a unique site.id or site.gateway",
)
PRIMARY_HOST_OFFLINE = Code("primary_host_offline", "the primary host {host} went offline")
SINK_INTERNAL_ERROR = Code("sink_internal_error", "internal error: {error}")

# Why a row can never be delivered

ROW_TOO_LARGE = Code(
    "row_too_large", "the message exceeds the maximum packet size of the broker ({limit_bytes:d} bytes)"
)
MQTT_TOPIC_INVALID = Code("mqtt_topic_invalid", "the message cannot be published: {error}")
ROW_REJECTED = Code("row_rejected", "the broker rejected the message (reason code 0x{reason_code:02X})")
ROW_ENDS_CONNECTION = Code(
    "row_ends_connection", "the broker closed the connection each time the message was sent ({n:d} times)"
)
SPARKPLUG_ENCODING_FAILED = Code("sparkplug_encoding_failed", "the message cannot be encoded for Sparkplug: {error}")

# Certificates and payloads

BROKER_CERTIFICATE_EXPIRING = Code(
    "broker_certificate_expiring", "the certificate of the broker expires on {end_ms:local} ({days:.0f} days left)"
)
CLIENT_CERTIFICATE_EXPIRING = Code(
    "client_certificate_expiring", "the certificate {file} expires on {end_ms:local} ({days:.0f} days left)"
)
CERTIFICATE_MISSING = Code("certificate_missing", "{file}: no certificate found")
CERTIFICATE_INVALID = Code("certificate_invalid", "not a valid X.509 certificate")
SPARKPLUG_PAYLOAD_TOO_LARGE = Code(
    "sparkplug_payload_too_large", "payload of {size_bytes:d} bytes, at most {limit_bytes:d} are accepted"
)
SPARKPLUG_PAYLOAD_INVALID = Code("sparkplug_payload_invalid", "not a Sparkplug payload: {error}")
