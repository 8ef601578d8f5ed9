"""Codes of the page: why a value is unknown, states, and what prevents the start."""

from __future__ import annotations

from drivers.reasons import Code

VALUE_NO_REPLY = Code("value_no_reply", "The device does not respond.")
VALUE_STALE = Code("value_stale", "The value was not renewed in time.")
VALUE_IMPLAUSIBLE = Code("value_implausible", "The device reports a value outside the plausible range.")
VALUE_GAP = Code("value_gap", "Samples are missing.")
VALUE_WARMING_UP = Code("value_warming_up", "There are not enough readings yet.")
VALUE_NOT_MEASURED = Code("value_not_measured", "No device measures this value.")
VALUE_NOT_KNOWN = Code("value_not_known", "The agent does not know this value and states no reason.")
VALUE_NOTHING_RECEIVED = Code("value_nothing_received", "Nothing was received from this motor yet.")
VALUE_IN_MAINTENANCE = Code("value_in_maintenance", "The motor is in maintenance; no saving is counted.")
VALUE_NO_BASELINE = Code(
    "value_no_baseline", "No saving is computed: there is no baseline of the old motor, or its period is not over."
)
VALUE_SAVING_NOT_YET = Code(
    "value_saving_not_yet", "The first quarter of an hour is not over; the saving is computed at its end."
)
VALUE_SAVING_NOT_KNOWN_YET = Code(
    "value_saving_not_known_yet", "No saving was received yet; the agent sends one after each quarter of an hour."
)
VALUE_NOT_COMPARED = Code(
    "value_not_compared", "The last interval is not compared with the old motor: it is excluded or not complete."
)

GATEWAY_OFFLINE = Code("page_gateway_offline", "the agent of gateway {gateway} is not connected to the broker")

VALUE_NOT_CLAIMED = Code("value_not_claimed", "The motor does not report, so no saving is counted.")
VALUE_NO_CONTACT = Code("value_no_contact", "There is no contact with the agent, so the present value is not known.")
VALUE_SAVING_OLD = Code("value_saving_old", "The last interval of the saving is older than half an hour.")
FLOW_NO_SUPPLY = Code("flow_no_supply", "No meter measures the power that all motors receive together.")
FLOW_AGES_DIFFER = Code(
    "flow_ages_differ", "Not drawn: the values are up to {age_s:.0f} s apart, more than three intervals."
)
FLOW_PART_UNKNOWN = Code("flow_part_unknown", "The power of {motors} is unknown, so the rest is unknown, too.")

PAGE_OPEN = Code(
    "web_page_open",
    "{host} can be reached from other computers, and {missing}. Give --tls-cert and --tls-key, and set a password with "
    "`magwatt web --set-password`; or listen on 127.0.0.1",
)
PAGE_WITHOUT_TLS = Code("web_page_without_tls", "the page would not be encrypted")
PAGE_WITHOUT_PASSWORD = Code("web_page_without_password", "the page has no password")
TLS_FILE_UNUSABLE = Code("web_tls_file_unusable", "--tls-cert {cert}, --tls-key {key}: {error}")
TLS_KEY_ALONE = Code("web_tls_key_alone", "--tls-cert and --tls-key belong together; give both")
LIBRARY_MISSING = Code(
    "web_library_missing",
    "the page needs libraries that are not installed; install them with `pip install 'magwatt[web]'`",
)
HOST_UNKNOWN = Code(
    "page_host_unknown",
    "The page is not served under this name. If it is a name of this gateway, start `magwatt web` with --host NAME.",
)
MOTOR_UNKNOWN = Code("page_motor_unknown", "there is no motor {name:quoted}")
CONDITION_UNKNOWN = Code("page_condition_unknown", "The agent has not stated the condition of this motor.")
CONDITION_OUTDATED = Code(
    "page_condition_outdated", "There are no values of the present, so that the last statement may no longer be true."
)
