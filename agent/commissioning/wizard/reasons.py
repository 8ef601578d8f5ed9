"""Codes of commissioning: statements that the operator confirms, and open points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.reasons import Code, Reason

# Statements to confirm

NAMEPLATE_MATCHES = Code("nameplate_matches", "The nameplate of the motor states: {entries}")
METER_MATCHES = Code(
    "meter_matches", "{meter}: meter of model {model}, unit identifier {unit_id:d}, wiring {wiring}, {place}"
)
CTS_MATCH = Code(
    "cts_match",
    "{meter}: current transformers {primary_a:g}/{secondary_a:g} A, {accuracy}; {applied_by}",
)
CTS_ON_THEIR_PHASE = Code(
    "cts_on_their_phase",
    "{meter}: each current transformer is on the conductor of its phase, with P1 towards the supply",
)
DRIVE_MATCHES = Code("drive_matches", "{drive}: drive of model {model}, unit identifier {unit_id:d}, feeds this motor")
WATCHDOG_CHECKED = Code(
    "watchdog_checked", '{drive}: the communication watchdog was checked; the configuration states "{setting}"'
)
DISPLAY_MATCHES = Code(
    "display_matches", "These values match the displays of the devices, and the currents match a clamp meter"
)

REGISTERS_MATCH_DISPLAY = Code(
    "registers_match_display",
    "{device}: these values, which no other value confirms, match the display of the device: {values}",
)

# Parts of these statements

PLATE: Mapping[str, Code] = {
    "kind": Code("plate_kind", "motor kind {kind}"),
    "power_kw": Code("plate_power", "power {power_kw:g} kW"),
    "speed_rpm": Code("plate_speed", "speed {speed_rpm:g} r/min"),
    "poles": Code("plate_poles", "{poles:d} poles"),
    "voltage_v": Code("plate_voltage", "voltage {voltage_v:g} V"),
    "current_a": Code("plate_current", "current {current_a:g} A"),
    "efficiency_class": Code("plate_class", "efficiency class {efficiency_class}"),
    "efficiency_pct": Code("plate_efficiency", "rated efficiency {efficiency_pct:g} %"),
}
PLACES: Mapping[str, Code] = {
    "drive-input": Code("place_drive_input", "upstream of the drive"),
    "motor": Code("place_motor", "at the motor"),
    "feeder": Code("place_feeder", "in the feeder"),
}
CT_CLASS = Code("ct_class", "class {accuracy_class}")
CT_CLASS_UNKNOWN = Code("ct_class_unknown", "class unknown")
RATIO_SET_IN_METER = Code("ratio_set_in_meter", "the meter applies their ratio")
RATIO_APPLIED_BY_AGENT = Code("ratio_applied_by_agent", "magwatt applies their ratio")


def plate_entries(nameplate: Mapping[str, Any]) -> tuple[Reason, ...]:
    """The entries of a nameplate; nameplate: keys of `PLATE` → value."""
    return tuple(PLATE[key](**{key: value}) for key, value in nameplate.items())


# Open points

NOT_CHECKED = Code("not_checked", "not checked: {statement}")
NOT_CONFIRMED = Code("not_confirmed", "not confirmed: {statement}")
NOT_CONFIRMED_ACTUAL = Code("not_confirmed_actual", "not confirmed: {statement}. Actual state: {actual}")
POLLING_DISABLED = Code("polling_disabled", "{device} is not polled; `magwatt check` reports the reason")
WIRING_BY_ANGLES = Code("wiring_by_angles", "{meter}: the angles between voltages and currents show: {fault}")
SELF_CHECK_NOT_RUN = Code("self_check_not_run", "the self-check did not run: no device is polled")
