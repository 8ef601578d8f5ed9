"""What needs action now: the alarms of the agent, and what the page derives where the agent has no alarm for it: from
states, faults of the wiring, registers, the gateway itself.

The verdict, the badges and the list of the page all come from one list of `findings`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from agent.core.text import N_, Catalogue, text_of_object
from agent.delivery.followed_messages import HealthSince
from agent.delivery.store import default_directory
from agent.web.alarms.finding import ALARMS, Finding, in_order
from agent.web.alarms.records import alarm_findings, codes_of, gateway_topics, records_of
from agent.web.base.context import Web
from agent.web.base.motors import Entry
from agent.web.gateway.health_findings import ALARMED, HealthFinding
from agent.web.gateway.health_findings import findings as findings_of_health
from agent.web.http.times import rfc3339
from agent.web.plant.alarmed_state import Derived
from agent.web.plant.motor_rows import MotorRow, derived_state
from drivers.reasons import Code

REGISTERS_DISABLED = "registers_disabled"
_ADVICE = {  # what to do, step by step
    "safety": (
        N_(
            "Treat the terminals as live: a magnet motor that turns makes voltage. Lock out, and measure that there is "
            "no voltage, before any work."
        ),
        N_("Then check supply and cable of the device that does not respond."),
    ),
    "no_reply": (
        N_("Check the supply and the communication cable of the device."), N_("`magwatt doctor` finds the cause."),
    ),
    "medium": (
        N_("Open the view of the motor: it names the value and the cause."), N_("`magwatt doctor` checks the devices."),
    ),
    "nothing": (N_("Check that the agent runs and reads this motor: `magwatt doctor`."),),
    "gateway": (
        N_("Start the agent: `sudo systemctl start magwatt`."), N_("Read its log: `journalctl -u magwatt`."),
    ),
    "contact": (
        N_("Check that the broker runs and can be reached."),
        N_("The agent may continue to measure: what it measures is sent later."),
    ),
    "registers": (N_("Run `magwatt commission` for the device: it compares each register with the display."),),
    "wiring": (
        N_("Disconnect and lock out."),
        N_("Open Commissioning: it names conductors to exchange, or a ratio to correct."),
    ),
}  # fmt: skip

GATEWAY_OFFLINE = Code("finding_gateway_offline", "the agent of {gateway} is not connected: all its values are old")


def findings(web: Web, found: Sequence[Entry], rows: Sequence[MotorRow], catalogue: Catalogue) -> list[Finding]:
    """Worst first; of equal priority in the order of the configuration, the gateway first.

    found, rows: the motors, and their rows in the same order and the same language.
    """
    listed = [*_of_gateways(web, catalogue)]
    for entry, row in zip(found, rows, strict=True):
        recorded = alarm_findings(web, entry.topic, entry.id, row.name, catalogue)
        derived = Derived(row.priority, row.state)  # without alarms the row is what the messages show
        if web.follower.alarms.get(entry.topic):
            derived = derived_state(web, entry, catalogue)
        listed += recorded
        codes = codes_of(records_of(web, entry.topic))
        listed += _of_motor(entry, row.name, derived, codes, catalogue)
    return in_order(listed)


def alarms(listed: Sequence[Finding]) -> list[Finding]:
    """Those that count as alarms; the others are motors in maintenance or unknown."""
    return [item for item in listed if item.priority in ALARMS]


def _of_motor(
    entry: Entry, name: str, derived: Derived, recorded: Collection[str], catalogue: Catalogue
) -> Iterator[Finding]:  # fmt: skip
    """recorded: codes of its alarms."""
    disabled = entry.messages.get("explain", {}).get("disabled_registers", ())
    priority, state = derived
    if priority in (*ALARMS[:3], "unknown", "maintenance") or (priority == "low" and not disabled):
        wiring = priority == "medium" and _has_wiring_fault(entry.messages)
        key = (
            "safety" if priority == "safety" else "wiring" if wiring else "no_reply" if state.word == "no_reply"
            else "nothing" if priority == "unknown" else "" if priority == "maintenance" else "medium"
        )  # fmt: skip
        title, detail = state.text, state.detail
        if priority == "low":  # the title of the row is that the motor runs
            title, detail = detail, title
        yield Finding(entry.id, name, priority, state.word, state.since, title, detail, _advice(key, catalogue))
    for item in () if REGISTERS_DISABLED in recorded else disabled:
        yield Finding(entry.id, name, "low", REGISTERS_DISABLED, None, catalogue(N_("registers not confirmed")),
                      text_of_object(item, catalogue), _advice("registers", catalogue))  # fmt: skip


def _advice(key: str, catalogue: Catalogue) -> list[str]:
    return [catalogue(step) for step in _ADVICE.get(key, ())]


def _has_wiring_fault(messages: Mapping[str, dict[str, Any]]) -> bool:
    return bool(messages.get("explain", {}).get("meter_wiring_faults")) or messages.get("telemetry", {}).get(
        "v", {}
    ).get("meter_wiring") not in (None, "", "ok", "unknown")


def _of_gateways(web: Web, catalogue: Catalogue) -> Iterator[Finding]:
    for topic in gateway_topics(web):
        yield from alarm_findings(web, topic, None, topic.rpartition("/")[2], catalogue)
    for topic, status in sorted(web.follower.gateways.copy().items()):
        gateway = topic.rpartition("/")[2]
        if status == "offline":  # without the broker, which sends this as it ends, nothing is known of the agent
            problem = web.problem()
            reason, title, advice = (
                (GATEWAY_OFFLINE(gateway=gateway), N_("gateway offline"), "gateway") if problem is None
                else (problem, N_("no contact with the agent"), "contact")
            )  # fmt: skip
            yield Finding(None, gateway, "high", str.__str__(reason.code), None, catalogue(title),
                          catalogue.reason(reason), _advice(advice, catalogue))  # fmt: skip
    for topic, messages in sorted(web.follower.gateway_messages.copy().items()):
        since = web.follower.health_since.get(topic, HealthSince())
        for item in health_findings(messages.get("health", {}).get("v", {}), web):
            changed_ms = since.changed_ms.get(item.figure or "")
            yield Finding(
                None, topic.rpartition("/")[2], item.priority, str.__str__(item.reason.code),
                rfc3339(changed_ms) if changed_ms else None, " ".join(filter(None, (catalogue(item.where), item.bus))),
                catalogue.reason(item.reason), [],
            )  # fmt: skip


def health_findings(values: Mapping[str, Any], web: Web) -> list[HealthFinding]:
    """As in the view Health, without what the agent makes an alarm of; registers are named motor by motor instead."""
    numbers = {
        name: value for name, value in values.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }
    buses = [found[1] for name in numbers if (found := re.fullmatch(r"bus_(.+)_polls", name))]
    directory = str((web.config.state_dir if web.config else None) or default_directory())
    return [
        item for item in findings_of_health(numbers, buses, directory)
        if (item.figure or "").removeprefix(f"bus_{item.bus}_") not in (*ALARMED, "registers_disabled")
    ]  # fmt: skip
