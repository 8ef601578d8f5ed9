"""What alarms are made from: verdicts about the condition, states of devices, telemetry, figures of health."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from agent.acquisition.bus_limits import FAILED_MAX
from agent.alarms.model import AlarmInput
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding
from agent.analysis.efficiency.reasons import CONTRADICTIONS
from agent.config.alarm_table_gateway import BACKLOG_ROWS
from agent.config.model import Config
from agent.config.topology import Asset, polled_devices
from agent.core.state_reasons import SILENT
from drivers.reasons import Reason


def of_answers(asset: str, answers: Iterable[Answer], returned: Collection[str], at_ms: int) -> Iterator[AlarmInput]:
    """A finding is active, a clear fault is not; of a fault that is not observable nothing is known, unless it was seen
    to return."""
    for one in answers:
        if isinstance(one, ConditionFinding):
            yield AlarmInput(
                asset, one.code, True, one.value, one.unit, one.limit, one.u95, one.confidence.value,
                one.severity.value, one.why, at_ms,
            )  # fmt: skip
        elif isinstance(one, Clear):
            yield AlarmInput(asset, one.code, False, one.value, one.unit, one.limit, one.u95, at_ms=at_ms)
        else:
            yield AlarmInput(asset, one.code, False if one.code in returned else None, at_ms=at_ms)


def of_row(asset: str, values: Mapping[str, Any], reasons: Mapping[str, Sequence[Reason]], at_ms: int,
           bad: bool) -> Iterator[AlarmInput]:  # fmt: skip
    """From a telemetry row. bad: it has no usable value."""
    wiring = values.get("meter_wiring")
    if wiring is not None:
        why = next(iter(reasons.get("meter_wiring", ())), None)
        known = None if wiring == "unknown" else wiring not in ("", "ok")
        yield AlarmInput(asset, "wiring", known, why=why, at_ms=at_ms)
    contradiction = next(
        (reason for reason in reasons.get("efficiency_unavailable_reason", ()) if reason.code in CONTRADICTIONS), None
    )
    yield AlarmInput(asset, "contradiction", contradiction is not None, why=contradiction, at_ms=at_ms)
    yield AlarmInput(asset, "no_value", bad, at_ms=at_ms)
    if "fault_code" in values or "tripped" in values:
        code, tripped = (float(one) if isinstance(one := values.get(name), int | float) else None
                         for name in ("fault_code", "tripped"))  # fmt: skip
        shown = [one != 0 for one in (code, tripped) if one is not None]
        why = next(iter(reasons.get("fault_text", ())), None)
        yield AlarmInput(asset, "drive_fault", any(shown) if shown else None, code, why=why, at_ms=at_ms)


class SilentDevices:
    """One alarm for each device without a response, and one for a bus of which all devices are silent."""

    def __init__(self, config: Config, assets: Sequence[Asset]) -> None:
        self._bus_of = {device.name: device.bus for device in polled_devices(config)}
        self._users: dict[str, list[str]] = {}  # device → its assets
        for asset in sorted(assets, key=lambda one: one.motor is not None):  # the meter that is shared owns its alarm
            for name in asset.devices:
                self._users.setdefault(name, []).append(asset.name)
        self._silent: dict[str, dict[str, Reason]] = {}  # asset → device → reason

    def on_state(self, asset: str, reasons: Sequence[Reason], at_ms: int) -> Iterator[AlarmInput]:
        """reasons: of the present state of an asset."""
        before = self._all()
        self._silent[asset] = {str(one.data["device"]): one for one in reasons if one.code in SILENT}
        now = self._all()
        for device in before.keys() | now.keys():
            if (users := self._users.get(device)) is not None:
                covers = tuple(users)
                yield AlarmInput(users[0], "no_reply", device in now, why=now.get(device), at_ms=at_ms, part=device,
                                 covers=covers)  # fmt: skip
        for bus in {self._bus_of[device] for device in before.keys() | now.keys() if device in self._bus_of}:
            devices = [name for name, other in self._bus_of.items() if other == bus]
            failed = len(devices) > 1 and all(name in now for name in devices)
            covers = tuple(dict.fromkeys(user for name in devices for user in self._users.get(name, ())))
            yield AlarmInput(None, "bus_failure", failed, at_ms=at_ms, part=bus, covers=covers)

    def _all(self) -> dict[str, Reason]:
        return {device: reason for found in self._silent.values() for device, reason in found.items()}


def of_health(
    values: Mapping[str, float | int], before: Mapping[str, float | int], buses: Iterable[str], at_ms: int
) -> Iterator[AlarmInput]:  # fmt: skip
    """From the figures of the agent about itself; a figure that is absent is not measured here.

    before: the figures of the message before; what is counted is active while it rises.
    """

    def level(code: str, name: str, unit: str) -> Iterator[AlarmInput]:
        if name in values:
            yield AlarmInput(None, code, None, float(values[name]), unit, at_ms=at_ms)

    yield from level("disk", "disk_free_mb", "MB")
    yield from level("spool", "spool_hours_left", "h")
    yield from level("certificate", "certificate_days", "d")
    if "spool_hours_left" not in values:  # the state file does not grow
        yield AlarmInput(None, "spool", False, at_ms=at_ms)
    if "clock_synchronized" in values:
        yield AlarmInput(None, "clock", values["clock_synchronized"] == 0, at_ms=at_ms)
    for code, name, most in (
        ("store", "rows_in_memory", 0), ("backlog", "spool_rows", BACKLOG_ROWS), ("topics_silent", "topics_silent", 0),
    ):  # fmt: skip
        if name in values:
            yield AlarmInput(None, code, values[name] > most, float(values[name]), at_ms=at_ms)
    for code, name in (("rows_dropped", "rows_dropped"), ("processing", "processing_errors")):
        if name in values and name in before:
            n = values[name] - before[name]
            yield AlarmInput(None, code, n > 0, float(n), at_ms=at_ms)
    for bus in buses:
        polls, failed = (
            values.get(name, 0) - before.get(name, 0) for name in (f"bus_{bus}_polls", f"bus_{bus}_polls_failed")
        )
        if polls + failed:
            share = failed / (polls + failed)
            yield AlarmInput(None, "polls_failing", share > FAILED_MAX, 100 * share, "%", 100 * FAILED_MAX,
                             at_ms=at_ms, part=bus)  # fmt: skip
