"""Where the power goes: the incoming meter, each motor with shaft and losses, and the rest that is not measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct, field

from agent.config.model import Config
from agent.core.text import N_, Catalogue
from agent.web.base import reasons as codes
from agent.web.base import values
from agent.web.base.context import Web
from agent.web.base.motors import Entry
from agent.web.base.values import Absence, PageValue, Why
from agent.web.plant.motor_rows import MotorRow


class FlowPart(Struct):
    id: str
    name: str
    input_w: PageValue
    shaft_w: PageValue
    losses_w: PageValue


class Flow(Struct):
    """supply_w: None: no meter measures it. not_measured_w: supply minus the parts. why: it is not drawn, or has no
    supply.
    """

    supply_w: PageValue | None
    parts: list[FlowPart] = field(default_factory=list)
    not_measured_w: PageValue | None = None
    why: Why | None = None


def flow_of(web: Web, found: Sequence[Entry], rows: Sequence[MotorRow], catalogue: Catalogue) -> Flow:
    """rows: in the order of `found`."""
    if (spread_s := _spread_s(found, rows)) is not None:
        return Flow(None, why=Absence(N_("not simultaneous"), codes.FLOW_AGES_DIFFER(age_s=spread_s)).why(catalogue))
    parts = [FlowPart(row.id, row.name, row.power_w, row.shaft_w, row.losses_w) for row in rows if row.kind != "meter"]
    name = supply_meter(web.config) if web.config else None
    supply = next((row.power_w for row in rows if row.id == name), None)
    if supply is None:
        return Flow(None, parts, why=values.NO_SUPPLY.why(catalogue))
    return Flow(supply, parts, _rest(supply, parts, catalogue))


def supply_meter(config: Config) -> str | None:
    """The meter through which all motors are fed and that measures more than one of them; None: there is none."""
    tops = {_top_meter(config, motor.fed_by) for motor in config.motors.values()}
    if len(tops) != 1:
        return None
    (top,) = tops
    drives = [drive for drive in config.drives.values() if drive.fed_by == top]
    motors = [motor for motor in config.motors.values() if motor.fed_by == top]
    below = [meter for meter in config.meters.values() if meter.fed_by == top]
    return top if len(drives) + len(motors) + len(below) > 1 or below else None


def _top_meter(config: Config, fed_by: str) -> str | None:
    drive = config.drives.get(fed_by)
    name = drive.fed_by if drive else fed_by
    for _ in range(len(config.meters)):  # at most: a circle is a mistake that the check of the configuration names
        meter = config.meters.get(name or "")
        if meter is None or meter.fed_by is None:
            break
        name = meter.fed_by
    return name if name in config.meters else None


def _spread_s(found: Sequence[Entry], rows: Sequence[MotorRow]) -> float | None:
    """How far the usable inputs are apart, s, where it is more than three intervals of the slowest."""
    used = [
        (entry.messages["telemetry"]["t"], row.interval_s) for entry, row in zip(found, rows, strict=True)
        if row.power_w.v is not None and isinstance(entry.messages["telemetry"].get("t"), int)
    ]  # fmt: skip
    if not used:
        return None
    times_ms = [t_ms for t_ms, _ in used]
    spread_s = (max(times_ms) - min(times_ms)) / 1000
    return spread_s if spread_s > 3 * max(interval_s for _, interval_s in used) else None


def _rest(supply: PageValue, parts: Sequence[FlowPart], catalogue: Catalogue) -> PageValue:
    unknown = [part.name for part in parts if part.input_w.v is None]
    if supply.v is None:
        return PageValue(None, q="bad", why=supply.why)
    if unknown:
        return values.unknown(Absence(N_("part unknown"), codes.FLOW_PART_UNKNOWN(motors=tuple(unknown))), catalogue)
    inputs = [supply, *(part.input_w for part in parts)]
    u = None if supply.u is None else math.hypot(*(item.u or 0.0 for item in inputs))
    return PageValue(supply.v - sum(part.input_w.v or 0.0 for part in parts), u)
