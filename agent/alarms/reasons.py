"""Codes of the transitions of alarms: the texts of their events."""

from __future__ import annotations

from agent.core.text import N_
from drivers.reasons import Code

ALARM_RAISED = Code("alarm_raised", "alarm: {title:word}")
ALARM_RAISED_HIGHER = Code("alarm_raised_higher", "alarm again, at a higher limit: {title:word}")
ALARM_CONSEQUENCE = Code("alarm_consequence", "suppressed as a consequence of {cause:word}: {title:word}")
ALARM_SILENT = Code("alarm_silent", "not announced, because the motor is in maintenance: {title:word}")
ALARM_RETURNED = Code("alarm_returned", "returned: {title:word}")
ALARM_ACKNOWLEDGED = Code("alarm_acknowledged", "acknowledged by {by}: {title:word}")
ALARM_ACKNOWLEDGED_WITH_NOTE = Code(
    "alarm_acknowledged_with_note", "acknowledged by {by}: {title:word}; reason: {note}"
)
ALARM_SHELVED = Code("alarm_shelved", "shelved by {by} until {until_ms:local}: {title:word}; reason: {note}")
ALARM_UNSHELVED = Code("alarm_unshelved", "no longer shelved, ended by {by}: {title:word}")
ALARM_SHELVING_ENDED = Code("alarm_shelving_ended", "shelving has ended: {title:word}")
ALARM_SUPPRESSED = Code("alarm_suppressed", "suppressed while the motor is off: {title:word}")
ALARM_SUPPRESSION_ENDED = Code("alarm_suppression_ended", "suppression has ended: {title:word}")
ALARM_OUT_OF_SERVICE = Code("alarm_out_of_service", "out of service during maintenance: {title:word}")
ALARM_IN_SERVICE = Code("alarm_in_service", "in service again after maintenance: {title:word}")

STATE_NAMES = {
    "NORM": N_("normal"), "UNACK": N_("not acknowledged"), "ACKED": N_("acknowledged"),
    "RTNUN": N_("returned, not acknowledged"), "SHLVD": N_("shelved"), "DSUPR": N_("suppressed"),
    "OOSRV": N_("out of service"),
}  # fmt: skip
PRIORITY_NAMES = {"safety": N_("safety"), "high": N_("high"), "medium": N_("medium"), "low": N_("low")}
ACTION_NAMES = {"ack": N_("acknowledgement"), "shelve": N_("shelving"), "unshelve": N_("end of shelving")}
