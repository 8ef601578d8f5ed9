"""Codes of an asset's state: why it is stale or offline, or that it is in maintenance."""

from __future__ import annotations

from agent.core.text import N_
from drivers.reasons import Code

DEVICE_UNAVAILABLE = Code("device_unavailable", "{device}: {cause}")
DEVICE_NOT_RESPONDING = Code("device_not_responding", "{device} does not respond")
DEVICE_NOT_POLLED = Code("device_not_polled", "{device} is not polled because of its `comm_loss` setting")
NOTHING_RECEIVED = Code("nothing_received", "no reading since the start of the agent")
NO_RESPONSE_TO_PROBE = Code("no_response_to_probe", "no response to a probe")
POLLS_WITHOUT_RESPONSE = Code("polls_without_response", "{cause}; {n:d} consecutive {n:poll|polls} without a response")
BUS_STOPPED = Code(
    "bus_stopped",
    'bus {bus}: {cause}. Write mode = "listen" in [bus.{bus}] to use the values that the other master reads, or remove '
    "it. Requests are sent again after {quiet_min:g} min without its frames, or after `magwatt resume {bus}`",
)
BUS_RESUMED = Code(
    "bus_resumed",
    "bus {bus} is polled again: the other master had sent {n:d} {n:frame|frames}, and none for the quiet time",
)
BUS_RESUMED_BY_OPERATOR = Code(
    "bus_resumed_by_operator",
    "bus {bus} is listened to and then polled again: the other master had sent {n:d} {n:frame|frames}; {operator} has "
    "confirmed that it was removed",
)

SILENT = frozenset((DEVICE_NOT_RESPONDING, DEVICE_UNAVAILABLE))  # a device from which nothing comes

IN_MAINTENANCE = Code("in_maintenance", "in maintenance: {note}")
IN_MAINTENANCE_UNTIL = Code("in_maintenance_until", "in maintenance until {until_ms:local}: {note}")
STATE_OF_DEVICES = Code("state_of_devices", "without maintenance the state would be {state:word}")

STATES = (N_("online"), N_("stale"), N_("offline"), N_("maintenance"))
