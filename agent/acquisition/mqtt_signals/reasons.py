"""Codes of signals from MQTT topics: payloads without a usable value, missing messages, connections."""

from __future__ import annotations

from drivers.reasons import Code

# A payload without a value

PAYLOAD_REJECTED = Code("payload_rejected", "{topic}: {cause}")
PAYLOAD_TOO_LARGE = Code(
    "payload_too_large",
    "the payload has {size_bytes:d} bytes, more than {max_bytes:d}, and is ignored; publish the value separately",
)
PAYLOAD_NOT_UTF8 = Code("payload_not_utf8", "the payload is not UTF-8; publish text or JSON")
PAYLOAD_EMPTY = Code("payload_empty", "the payload is empty; publish a number or a JSON object")
PAYLOAD_NOT_JSON = Code(
    "payload_not_json", "the payload is not JSON ({payload}); publish an object, or omit value for a bare number"
)
PAYLOAD_IS_OBJECT = Code(
    "payload_is_object", 'the payload is a JSON object; write the name of its field, for example value = "tonnes"'
)
PAYLOAD_DECIMAL_COMMA = Code(
    "payload_decimal_comma",
    "the payload is not a number ({payload}); publish a decimal point instead of a decimal comma",
)
PAYLOAD_NOT_NUMBER = Code("payload_not_number", "the payload is not a number ({payload}); publish only a number")
PAYLOAD_NOT_FINITE = Code("payload_not_finite", "the payload is not a finite number; do not publish unknown values")
PAYLOAD_FIELD_MISSING = Code(
    "payload_field_missing", "the payload has no field {field:quoted}, but {fields}; correct the key {key}"
)
PAYLOAD_WITHOUT_FIELDS = Code(
    "payload_without_fields", "the payload has no field {field:quoted} and no other one; correct the key {key}"
)
FIELD_NOT_NUMBER = Code("field_not_number", "field {field:quoted} is not a number ({value}); publish a number")
FIELD_NOT_FINITE = Code(
    "field_not_finite", "field {field:quoted} is not a finite number; do not publish unknown values"
)
FIELD_NOT_TIME = Code(
    "field_not_time",
    "field {field:quoted} is not a time ({value}); publish UTC milliseconds, or ISO 8601 with Z or +08:00",
)
FIELD_WITHOUT_ZONE = Code(
    "field_without_zone",
    "the time in field {field:quoted} has no time zone ({value}); publish UTC milliseconds, or ISO 8601 with Z or "
    "+08:00",
)
FIELD_IN_SECONDS = Code(
    "field_in_seconds", "the time in field {field:quoted} is in 1970; publish milliseconds, not seconds"
)
FIELD_BEFORE_1970 = Code(
    "field_before_1970",
    "the time in field {field:quoted} is before 1970; publish UTC milliseconds, or ISO 8601 with Z or +08:00",
)
SCALED_VALUE_NOT_FINITE = Code("scaled_value_not_finite", "the scaled value is not finite; correct the key scale")

# A value with a flag

SIGNAL_OUT_OF_RANGE = Code(
    "signal_out_of_range",
    "{topic}: {value:g} is outside {low:g} to {high:g}; correct the keys low and high, or check the publisher",
)
PUBLISHER_CLOCK_AHEAD = Code(
    "publisher_clock_ahead",
    "{topic}: the time in the payload is {ahead_s:.1f} s ahead of the clock of this gateway; the time of arrival is "
    "used. Synchronize both clocks with the same time server",
)

# No message

SIGNAL_SILENT = Code("signal_silent", "no message on {topic} since {since_ms:local}")
SIGNAL_OUTDATED = Code("signal_outdated", "the latest value on {topic} has the time {since_ms:local}")
SIGNAL_DISCONNECTED = Code("signal_disconnected", "{cause}; the broker is not connected")
NO_MESSAGE = Code("no_message", "no message on {topic} within {waited_s:g} s")
NO_MESSAGE_BECAUSE = Code("no_message_because", "no message on {topic} within {waited_s:g} s: {cause}")
NO_SIGNAL_BROKER = Code("no_signal_broker", "no broker is configured")
SIGNAL_BROKER_UNREACHABLE = Code(
    "signal_broker_unreachable", "broker {host}:{port:d} is unreachable or rejects the login"
)
SUBSCRIPTION_REJECTED = Code(
    "subscription_rejected",
    "the broker rejects the subscription to {topic} ({error}); allow this user to read the topic",
)
