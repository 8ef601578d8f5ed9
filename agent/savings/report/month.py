"""One motor's month in numbers: everything the report shows, before any of it is worded or drawn."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from agent.config import Config, Motor
from agent.savings import carbon, source
from agent.savings.adjust import Line, Tally
from agent.savings.bridge import BRIDGED_MS, bridged
from agent.savings.ledger_key import Key
from agent.savings.old_motor import old_motor_of
from agent.savings.phases import begin_ms, phases_of, reporting_of
from agent.savings.report.origin import of_baseline
from agent.savings.report.priced import Money, priced
from agent.savings.report.proof import Elsewhere, Proof, prove
from agent.savings.tariff import Tariff, month_bounds_ms
from agent.savings.types import QUARTER_MS, Baseline, Event, Interval, Phase, Saving
from agent.savings.verdict import COVERAGE_LEAST
from agent.topology import Asset
from agent.words import counted

IDLE = 0.02  # of the rated power: below it the motor stands


@dataclass(frozen=True, slots=True)
class Day:
    """Of the site's calendar. coverage: of the day as long as it is in the zone, and as far as it lies in the month.
    saved_wh: only what is claimed; total_wh, u95_wh: of the month until the day's end."""

    date: str
    measured_wh: float
    adjusted_wh: float | None
    saved_wh: float | None
    coverage: float
    total_wh: float = 0.0
    u95_wh: float = 0.0


@dataclass(frozen=True, slots=True)
class Month:
    """notes: what is missing or wrong, in plain words, shown on top. hints: what is neither, and a reader should know.
    Energies in Wh."""

    asset: str
    title: str
    month: str
    from_ms: int
    to_ms: int
    zone: str
    intervals: Sequence[Interval]
    measured_wh: float
    coverage: float
    running_h: float | None
    saving: Saving | None = None
    lines: Sequence[Line] = ()
    baseline: Baseline | None = None
    cloud: Sequence[Interval] = ()
    days: Sequence[Day] = ()
    money: Money | None = None
    tariff: Tariff | None = None
    factor: carbon.Factor | None = None
    tonnes: float | None = None
    compared_kwh_t: tuple[float, float] | None = None  # old plant, now; in the quarter hours that are compared
    events: Sequence[Event] = ()
    proof: Proof = field(default_factory=Proof)
    notes: Sequence[str] = ()
    hints: Sequence[str] = ()
    plant: Asset | None = None
    simulated: bool = False
    compared: float = 0.0  # share of the month (of one that goes on: so far) for which a saving is claimed

    @property
    def reported(self) -> Sequence[Interval]:
        """Those of the reporting phase, while the new motor stands there; all of them where no saving is told."""
        if not self.lines:
            return self.intervals
        known = {line.start_ms for line in self.lines}
        return [item for item in self.intervals if item.start_ms in known]

    @property
    def energy_known(self) -> bool:
        """Of one quarter hour at least; else measured_wh is no energy, but nothing."""
        return any(item.energy_wh is not None for item in self.intervals)

    @property
    def whole(self) -> bool:
        """Nothing is missing or wrong, and a saving is told of nearly all of the month where one is told."""
        return not self.notes and (self.saving is None or self.compared >= COVERAGE_LEAST)

    @property
    def year(self) -> int:
        return int(self.month[:4])

    @property
    def co2_kg(self) -> float | None:
        if self.saving is None or self.factor is None:
            return None
        return carbon.co2_kg(self.saving.saved_wh, self.factor)


def collect(
    db: sqlite3.Connection, config: Config, plant: Asset, month: str, now_ms: int, key: Key | None = None,
    elsewhere: Elsewhere | None = None,
) -> Month:  # fmt: skip
    """Raises ValueError for what is no month, sqlite3.Error for what is no state file."""
    zone, tariff = config.site.timezone, config.tariff
    from_ms, to_ms = tariff.bounds_ms(month) if tariff else month_bounds_ms(month, zone)
    found = source.intervals(db, plant.name, from_ms, to_ms)
    notes: list[str] = []
    if not found:
        notes.append(_nothing(db, plant.name, zone))
    if now_ms < to_ms and found:
        notes.append(f"the month is not over: this is what was known at {local(now_ms, zone)}")
    if unknown := sum(item.energy_wh is None for item in found):
        notes.append(f"the energy of {counted(unknown, 'quarter hour')} is not known")
    end_ms = min(to_ms, max(now_ms, found[-1].end_ms if found else from_ms + 1))  # this machine's clock may be wrong
    baseline, wrong = source.frozen_baseline(db, plant.name)
    if wrong:
        notes.append(wrong)
    elif baseline is None and found:
        notes.append("no baseline is frozen for this motor: there is energy, but no saving (magwatt baseline)")
    events = source.events(db, plant.name, from_ms, to_ms)
    saving, tally, days = None, None, list[Day]()
    if baseline is not None and plant.motor is not None and found:
        phase = reporting_of(phases_of(dict(plant.motor.periods), zone), baseline)
        earlier, later = (_readable_hour(db, plant.name, at_ms) for at_ms in (from_ms - BRIDGED_MS, to_ms))
        around = bridged([*earlier, *found, *later])
        after = [item for item in around if from_ms <= item.start_ms < to_ms and phase.holds(item.start_ms)]
        if len(after) < len(found):
            notes.append(_outside(phase, len(found) - len(after), zone))
        if mixed := _old_among(after, plant.motor, zone):
            notes.append(mixed)
        tally = Tally(baseline, classes=_classes(plant), events=events, old_motor=old_motor_of(plant.motor))
        days = _days(found, after, zone, tally, (from_ms, to_ms))
        saving = tally.saving((max(from_ms, phase.from_ms), min(end_ms, phase.to_ms or end_ms))) if after else None
    lines = tally.lines if tally else []
    factor = None
    if config.site.grid_factor is not None:
        try:
            factor = carbon.grid_factor(config.site.grid_factor)
        except ValueError as error:
            notes.append(f"grid factor {config.site.grid_factor}: {error}")
    elif found:
        notes.append("site.grid_factor is not set: no emissions are told")
    money = None
    if tariff is None and found:
        notes.append("neither [tariff] nor site.energy_price is set: no money is told")
    elif tariff is not None and saving is not None and baseline is not None:
        try:
            money = priced(tariff, lines, found, baseline, saving, events)
        except ValueError as error:
            notes.append(f"tariff: {error}; no money is told")
        if not tariff.currency:
            notes.append("site.currency is not set: it is not said which money the prices are in")
    proof = prove(db, plant.name, from_ms, end_ms, found, zone, key, elsewhere or {})
    notes += proof.notes
    return Month(
        plant.name, plant.title, month, from_ms, to_ms, zone, found,
        sum((item.energy_wh or 0.0) + item.auxiliary_wh for item in found),
        sum(item.length_s * min(item.coverage, 1.0) for item in found) / ((end_ms - from_ms) / 1000),
        _running_h(found, plant), saving, lines, baseline,
        source.intervals(db, plant.name, baseline.from_ms, baseline.to_ms) if baseline else (),
        days or _days(found, [], zone, None, (from_ms, to_ms)), money, tariff, factor, _tonnes(found),
        _compared_kwh_t(found, lines),
        events, proof, notes, [*(of_baseline(db, baseline, lines, zone) if baseline else ()), *proof.hints], plant,
        config.site.simulated,
        compared=sum(line.length_s for line in lines if line.excluded is None) / ((end_ms - from_ms) / 1000),
    )  # fmt: skip


def local(t_ms: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def _readable_hour(db: sqlite3.Connection, asset: str, from_ms: int) -> list[Interval]:
    """Beside the month, where a quarter hour that cannot be read spoils nothing of it."""
    found = list[Interval]()
    for start_ms in range(from_ms, from_ms + BRIDGED_MS, QUARTER_MS):
        with contextlib.suppress(ValueError):
            found += source.intervals(db, asset, start_ms, start_ms + QUARTER_MS)
    return found


def _classes(plant: Asset) -> tuple[str, str]:
    meter = plant.meter
    return (meter.accuracy_class, (meter.ct_class or "1") if meter.ct else "") if meter else ("", "")


def _nothing(db: sqlite3.Connection, asset: str, zone: str) -> str:
    span = source.known_span(db, asset)
    if span is None:
        return "there is no data of this motor at all"
    first, end = local(span[0], zone), local(span[1] + QUARTER_MS, zone)
    return f"there is no data in this month; there is some from {first} to {end}"


def _running_h(found: Sequence[Interval], plant: Asset) -> float | None:
    """As the agent counted it, else quarter hours above 2 % of the rated power."""
    if not found:
        return None
    rated_w = 1000 * plant.motor.kw if plant.motor else 0.0
    seconds = 0.0
    for item in found:
        if item.running_s is not None:
            seconds += item.running_s
        elif item.energy_wh is not None and item.energy_wh * 3600 / item.length_s > IDLE * rated_w:
            seconds += item.length_s
    return seconds / 3600


def _tonnes(found: Sequence[Interval]) -> float | None:
    """What was made, by a driver in t or t/h of every quarter hour in which there was energy."""
    names = {name for item in found for name in item.drivers if name.endswith(("_t", "_t_h"))}
    if len(names) != 1:
        return None
    name = names.pop()
    if any(name not in item.drivers for item in found if item.energy_wh):
        return None
    hours = name.endswith("_t_h")
    return sum(
        item.drivers[name].mean * (item.length_s / 3600 if hours else 1.0) for item in found if name in item.drivers
    )


def _compared_kwh_t(found: Sequence[Interval], lines: Sequence[Line]) -> tuple[float, float] | None:
    claimed = {line.start_ms: line for line in lines if line.excluded is None}
    tonnes = _tonnes([item for item in found if item.start_ms in claimed])
    if not tonnes:
        return None
    adjusted_wh = sum(line.adjusted_wh or 0.0 for line in claimed.values())
    return adjusted_wh / 1000 / tonnes, sum(line.measured_wh or 0.0 for line in claimed.values()) / 1000 / tonnes


def _days(
    found: Sequence[Interval], after: Sequence[Interval], zone: str, tally: Tally | None, span: tuple[int, int]
) -> list[Day]:
    """Adds all of `after` to the tally on the way."""
    by_day: dict[str, list[Interval]] = {}
    for item in found:
        by_day.setdefault(local(item.start_ms, zone)[:10], []).append(item)
    claimable: dict[str, list[Interval]] = {}
    for item in after:
        claimable.setdefault(local(item.start_ms, zone)[:10], []).append(item)
    days = []
    for name, items in sorted(by_day.items()):
        told = [tally.add(item) for item in claimable.get(name, [])] if tally else []
        claimed = [line for line in told if line.excluded is None]
        adjusted = sum(line.adjusted_wh or 0.0 for line in claimed)
        so_far = tally.saving() if tally and tally.lines else None
        days.append(
            Day(name, sum((item.energy_wh or 0.0) + item.auxiliary_wh for item in items),
                adjusted if claimed else None,
                adjusted - sum(line.measured_wh or 0.0 for line in claimed) if claimed else None,
                sum(item.length_s * min(item.coverage, 1.0) for item in items) / _day_s(name, zone, span),
                so_far.saved_wh if so_far else 0.0, so_far.u95_wh if so_far else 0.0)
        )  # fmt: skip
    return days


def _day_s(name: str, zone: str, span: tuple[int, int]) -> float:
    """Seconds of a local day ("2026-10-25": a clock change makes it 25 hours long), as far as they lie in the span."""
    begin = datetime.fromisoformat(name).replace(tzinfo=ZoneInfo(zone))
    end = begin + timedelta(days=1)
    return (min(round(end.timestamp() * 1000), span[1]) - max(round(begin.timestamp() * 1000), span[0])) / 1000


def _outside(phase: Phase, count: int, zone: str) -> str:
    until = f" to {local(phase.to_ms, zone)}" if phase.to_ms is not None else ""
    said = f"{counted(count, 'quarter hour')} {'lies' if count == 1 else 'lie'}"
    return f"{said} outside of the reporting phase ({local(phase.from_ms, zone)}{until})"


def _old_among(after: Sequence[Interval], motor: Motor, zone: str) -> str:
    """That the saving counts a time in which the old motor still stood there; empty where it does not."""
    since = motor.replaced_motor.since if motor.replaced_motor else None
    if since is None or not (count := sum(item.start_ms < begin_ms(since, zone) for item in after)):
        return ""
    return (f"{counted(count, 'quarter hour')} {'is' if count == 1 else 'are'} counted in which the old motor still "
            f"stood there (replaced_motor.since is {since}): date motor.{motor.name}.periods")  # fmt: skip
