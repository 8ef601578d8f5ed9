"""What needs a person now, until there are alarms: from states, faults of the wiring, registers, the gateway itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from agent.core.text import N_, Catalogue, text_of_object
from agent.web.context import Web
from agent.web.motor_rows import Entry, entries, row_of
from agent.web.motor_state import ALARMS, PRIORITIES
from agent.web.times import rfc3339
from drivers.reasons import Code

_ADVICE = {
    "safety": N_(
        "Treat the terminals as live: a magnet motor that turns makes voltage. Lock out, measure that there is no "
        "voltage, and only then work. Then check supply and cable of the device that does not respond."
    ),
    "no_reply": N_("Check the supply and the communication cable of the device; `magwatt doctor` finds the cause."),
    "medium": N_("Open the view of the motor: it names the value and the cause. `magwatt doctor` checks the devices."),
    "nothing": N_("Check that the agent runs and reads this motor: `magwatt doctor`."),
    "gateway": N_("Start the agent: sudo systemctl start magwatt. Its log: journalctl -u magwatt."),
    "registers": N_("Run `magwatt commission` for the device: it compares each register with the display."),
    "wiring": N_("Open Commissioning: it shows which wires to exchange. Disconnect and lock out before."),
    "store": N_("See the view Health; docs/operating.md says what to do."),
}

GATEWAY_OFFLINE = Code("finding_gateway_offline", "the agent of {gateway} is not connected: all its values are old")
ROWS_WAITING = Code("finding_rows_waiting", "the state file cannot be written: {n:d} rows are in memory only")
SPOOL_FULL_SOON = Code(
    "finding_spool_full_soon", "the broker takes no rows: the spool is full in about {hours:.0f} hours"
)
ROWS_DROPPED = Code("finding_rows_dropped", "{n:d} {n:row was|rows were} lost since the state file was made")
LEDGER_UNSIGNED = Code("finding_ledger_unsigned", "the ledger cannot be signed: its records prove nothing")
CLOCK_UNSYNCHRONIZED = Code("finding_clock", "the clock of the gateway is not synchronized")
BUS_OFFLINE = Code("finding_bus_offline", "no device on bus {bus} responds")
DISK_SMALL = Code("finding_disk_small", "the disk of the state file has only {free_mb:.0f} MB left")
DISK_MB_MIN, SPOOL_HOURS_MIN = 500.0, 72.0


class Finding(Struct):
    """motor: None: the gateway. since: RFC 3339; None: not known. code: stable name of the cause."""

    motor: str | None
    name: str
    priority: str
    code: str
    since: str | None
    text: str
    detail: str
    advice: str


def findings(web: Web, catalogue: Catalogue) -> list[Finding]:
    """Worst first; of equal priority in the order of the configuration, the gateway first."""
    found = [*_of_gateways(web, catalogue)]
    for entry in entries(web):
        found += _of_motor(web, entry, catalogue)
    return sorted(found, key=lambda item: PRIORITIES.index(item.priority))


def _of_motor(web: Web, entry: Entry, catalogue: Catalogue) -> Iterator[Finding]:
    row = row_of(web, entry, catalogue)
    if row.priority in (*ALARMS[:3], "unknown", "maintenance"):
        wiring = row.priority == "medium" and _has_wiring_fault(entry.messages)
        key = (
            "safety" if row.priority == "safety" else "wiring" if wiring else "no_reply" if row.state.word == "no_reply"
            else "nothing" if row.priority == "unknown" else "" if row.priority == "maintenance" else "medium"
        )  # fmt: skip
        advice = catalogue(_ADVICE[key]) if key else ""
        yield Finding(entry.id, row.name, row.priority, row.state.word, row.state.since, row.state.text,
                      row.state.detail, advice)  # fmt: skip
    for disabled in entry.messages.get("explain", {}).get("disabled_registers", ()):
        yield Finding(entry.id, row.name, "low", "registers_disabled", None, catalogue(N_("registers not confirmed")),
                      text_of_object(disabled, catalogue), catalogue(_ADVICE["registers"]))  # fmt: skip


def _has_wiring_fault(messages: Mapping[str, dict[str, Any]]) -> bool:
    return bool(messages.get("explain", {}).get("meter_wiring_faults")) or messages.get("telemetry", {}).get(
        "v", {}
    ).get("meter_wiring") not in (None, "", "ok", "unknown")


def _of_gateways(web: Web, catalogue: Catalogue) -> Iterator[Finding]:
    for topic, status in sorted(web.follower.gateways.copy().items()):
        gateway = topic.rpartition("/")[2]
        if status == "offline":
            reason = GATEWAY_OFFLINE(gateway=gateway)
            yield Finding(None, gateway, "high", str.__str__(reason.code), None, catalogue(N_("gateway offline")),
                          catalogue.reason(reason), catalogue(_ADVICE["gateway"]))  # fmt: skip
    for topic, messages in sorted(web.follower.gateway_messages.copy().items()):
        health = messages.get("health", {})
        since = rfc3339(health["t"]) if isinstance(health.get("t"), int) else None
        for priority, short, reason in _of_health(health.get("v", {})):
            yield Finding(None, topic.rpartition("/")[2], priority, str.__str__(reason.code), since, catalogue(short),
                          catalogue.reason(reason), catalogue(_ADVICE["store"]))  # fmt: skip


def _of_health(values: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Priority, short text and reason of each figure that is out of order."""
    numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
    if numbers.get("ledger_signed", 1) == 0:
        yield "medium", N_("ledger not signed"), LEDGER_UNSIGNED()
    if (rows := numbers.get("rows_in_memory", 0)) > 5000:
        yield "medium", N_("state file not written"), ROWS_WAITING(n=int(rows))
    if (hours := numbers.get("spool_hours_left", SPOOL_HOURS_MIN)) < SPOOL_HOURS_MIN:
        yield "medium", N_("spool nearly full"), SPOOL_FULL_SOON(hours=hours)
    if (free_mb := numbers.get("disk_free_mb", DISK_MB_MIN)) < DISK_MB_MIN:
        yield "medium", N_("disk nearly full"), DISK_SMALL(free_mb=free_mb)
    for name, value in numbers.items():
        if name.startswith("bus_") and name.endswith("_offline") and value:
            yield "high", N_("bus silent"), BUS_OFFLINE(bus=name.removeprefix("bus_").removesuffix("_offline"))
    if dropped := numbers.get("rows_dropped", 0):
        yield "low", N_("rows lost"), ROWS_DROPPED(n=int(dropped))
    if numbers.get("clock_synchronized", 1) == 0:
        yield "low", N_("clock not synchronized"), CLOCK_UNSYNCHRONIZED()
