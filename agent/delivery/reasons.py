"""Codes of the sinks: why a connection ended, why a row can never be delivered, and what operators should know."""

from __future__ import annotations

from drivers.reasons import Code

# Why a connection ended or was not established

CONNECT_FAILED = Code("connect_failed", "connection failed: {error}")
CONNACK_TIMEOUT = Code("connack_timeout", "no CONNACK within {timeout_s:g} s")
CONNECT_REJECTED = Code("connect_rejected", "connection rejected: {error}")
CLOSED_BEFORE_CONNACK = Code("closed_before_connack", "connection closed before the CONNACK: {error}")
BROKER_PROBLEM = Code("broker_problem", "broker {host}:{port:d}: {cause}")
BROKER_SILENT = Code("broker_silent", "no response as an MQTT broker within {timeout_s:g} s. Check host and port")
BROKER_NOT_LISTENING = Code(
    "broker_not_listening",
    "connection refused: the host responds, but no broker listens on port {port:d}. Check the port, and that the "
    "broker is running",
)
BROKER_HOST_UNKNOWN = Code(
    "broker_host_unknown", "unknown host name {host}. Check its spelling in the URL, and the name server"
)
BROKER_UNREACHABLE = Code("broker_unreachable", "no response. Check the address, the network and firewalls")
BROKER_CERTIFICATE_INVALID = Code(
    "broker_certificate_invalid",
    "the certificate of the broker is not accepted: {error}. Check that `ca` is the authority that signed it, and that "
    "the certificate contains this host name",
)
BROKER_WITHOUT_TLS = Code(
    "broker_without_tls",
    "this port does not use TLS. Write mqtt:// for a port without TLS (usually 1883), or the TLS port of the broker "
    "(usually 8883)",
)
BROKER_NEEDS_TLS = Code(
    "broker_needs_tls",
    "connection closed by the peer. It may require TLS: then write mqtts:// with the TLS port of the broker (usually "
    "8883)",
)
BROKER_CLOSES = Code("broker_closes", "connection closed by the peer. Check the log of the broker")
BROKER_LOGIN_MISSING = Code(
    "broker_login_missing",
    "the broker requires a login. Give user and password: the keys user and password_file, or --user and "
    "--password-file",
)
BROKER_LOGIN_OPTIONS_MISSING = Code(
    "broker_login_options_missing",
    "the broker requires a login. Give user and password: --user and --password-file",
)
BROKER_LOGIN_REJECTED = Code(
    "broker_login_rejected",
    "the broker rejects user {user}. Check the user name and the content of the password file, and that this user may "
    "connect",
)
BROKER_CLIENT_REJECTED = Code(
    "broker_client_rejected",
    "the broker rejects this client ({error}). Check its rules for client identifiers, and site.id and site.gateway",
)
BROKER_REJECTS = Code(
    "broker_rejects", "the broker rejects the connection ({error}, reason code {reason_code:d}). Check its log"
)
BROKER_CONNECTION_FAILED = Code(
    "broker_connection_failed", "{error}. The agent measures and stores without a broker; rows are sent later"
)
BROKER_FILE_FORBIDDEN = Code(
    "broker_file_forbidden",
    "this user may not read {path}: correct its owner. `magwatt check --as-user NAME` shows the command",
)
PASSWORD_NOT_TEXT = Code("password_not_text", "{path}: the password is not UTF-8 text; save the file as UTF-8")
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
CONTACT_LOST = Code("page_contact_lost", "no connection to the source of the live values; it is tried again")
