"""Imports a history into the state file and the ledger: new intervals are written, measured ones are kept."""

from __future__ import annotations

import hashlib
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace as changed

from agent.config.model import Config, Motor
from agent.config.signals import metric_of
from agent.config.topology import assets
from agent.core.clock import SystemClock
from agent.core.text import as_object
from agent.delivery.store import Store, default_directory
from agent.savings.accounting.account import store_ratio_events
from agent.savings.importing import reasons as codes
from agent.savings.importing.csv_reader import CsvColumn, ImportProblem
from agent.savings.importing.driver_history import DriverHistory, read_drivers
from agent.savings.importing.meter_history import MeterHistory, read_history
from agent.savings.ledger import recorder
from agent.savings.reasons import ENERGY_FACTOR
from agent.savings.records.model import Interval
from agent.savings.records.repository import INTERVAL_MS_MAX, load_intervals, present_ms
from drivers.reasons import InvalidValue, Reason

# Mean power of an interval divided by the rated power: above the first, which no start reaches, the import is rejected;
# below the second it is suspect.
TOO_MUCH, TOO_LITTLE = 3.0, 0.01
GAPS_SHOWN = 10


class ImportResult(NamedTuple):
    """Result of an import.

    body: figures, for JSON.
    findings: the result and what is notable, in the order in which a reader needs it.
    """

    body: dict[str, Any]
    findings: list[Reason]


def import_energy(
    config: Config, file: Path, motor: str, zone: str, time: str, energy: CsvColumn, *, counter: bool, ends: bool,
    drivers: Mapping[str, CsvColumn], meter: str, replace: bool, now_ms: int,
) -> ImportResult:  # fmt: skip
    """Imports the history of a meter. Raises ImportProblem, StoreError, LedgerKeyError; then nothing is written."""
    named = {metric_of(name, column.unit): column for name, column in drivers.items()}
    found = read_history(file, motor, zone, time, energy, counter=counter, ends=ends, drivers=named, meter=meter)
    if not found.intervals:
        raise ImportProblem(codes.IMPORT_WITHOUT_ENERGY(path=str(file)))
    suspect = _suspect(found, config.motors[motor], file, energy.unit)
    with _store(config, now_ms) as store:
        return _store_energy(store, config, file, motor, zone, found, suspect, replace, now_ms)


def import_drivers(
    config: Config, file: Path, motor: str, zone: str, time: str, drivers: Mapping[str, CsvColumn], *, ends: bool,
    replace: bool, now_ms: int,
) -> ImportResult:  # fmt: skip
    """Adds drivers to stored energy. Raises ImportProblem, StoreError, LedgerKeyError; then nothing is written."""
    named = {metric_of(name, column.unit): column for name, column in drivers.items()}
    found = read_drivers(file, zone, time, named, ends=ends)
    with _store(config, now_ms) as store:
        return _store_drivers(store, config, file, motor, zone, found, replace, now_ms)


def _suspect(found: MeterHistory, motor: Motor, file: Path, unit: str) -> list[Reason]:
    """What is suspect compared with the nameplate. Raises ImportProblem for what a motor of this size cannot use."""
    means_kw = [item.energy_wh * 3.6 / item.length_s for item in found.intervals if item.energy_wh is not None]
    if not means_kw:
        return []
    rated_kw = max(motor.kw, motor.replaced_motor.kw if motor.replaced_motor else 0.0)
    median_kw, highest_kw = statistics.median(means_kw), max(means_kw)
    if median_kw > TOO_MUCH * rated_kw:
        raise ImportProblem(codes.POWER_TOO_HIGH(path=str(file), median_kw=median_kw, rated_kw=rated_kw, unit=unit))
    if sum(means_kw) < 0:
        raise ImportProblem(codes.TOTAL_ENERGY_NEGATIVE(path=str(file)))
    suspect = []
    if 0 < highest_kw < TOO_LITTLE * rated_kw:
        suspect.append(codes.POWER_TOO_LOW(highest_kw=highest_kw, rated_kw=rated_kw, unit=unit))
    if found.below_zero:
        suspect.append(codes.ENERGY_NEGATIVE(n=found.below_zero))
    return suspect


def _store(config: Config, now_ms: int) -> closing[Store]:
    clock = SystemClock(lambda: now_ms * 1_000_000)
    return closing(Store(config.state_dir or default_directory(), clock, config.store))


def _store_energy(
    store: Store, config: Config, file: Path, motor: str, zone: str, found: MeterHistory, suspect: list[Reason],
    replace: bool, now_ms: int,
) -> ImportResult:  # fmt: skip
    now_ms = present_ms(config, store, now_ms)
    first, last = found.intervals[0], found.intervals[-1]
    if last.start_ms > now_ms:
        raise ImportProblem(codes.IMPORT_IN_FUTURE(path=str(file), end_ms=last.end_ms, now_ms=now_ms))
    ended = [item for item in found.intervals if item.end_ms <= now_ms]
    not_ended = len(found.intervals) - len(ended)
    found.intervals = ended or found.intervals
    plan = _compared(ended, load_intervals(store, motor, first.start_ms - INTERVAL_MS_MAX, last.end_ms))
    if plan.differing and not replace:
        raise ImportProblem(codes.IMPORT_CONFLICT(n=len(plan.differing), first_ms=plan.differing[0].start_ms))
    if plan.other_length and not replace:
        old = plan.other_length[0]
        raise ImportProblem(
            codes.IMPORT_OTHER_LENGTH(n=len(plan.other_length), first_ms=old.start_ms, old_min=old.length_s / 60,
                                      new_min=first.length_s / 60)
        )  # fmt: skip
    if cut := [old for old in plan.other_length if not _covers(plan.new, old)]:
        raise ImportProblem(
            codes.IMPORT_CUTS_INTERVAL(path=str(file), from_ms=cut[0].start_ms, to_ms=cut[0].end_ms, n=len(cut))
        )
    written = plan.new + plan.differing
    starts = {item.start_ms for item in written}
    withdrawn = [_withdrawn(old) for old in plan.other_length if old.start_ms not in starts]
    _write(store, config, file, motor, zone, written, withdrawn, now_ms)
    ratios = _ratio_findings(store, config, motor, now_ms)
    known_wh = [item.energy_wh for item in found.intervals if item.energy_wh is not None]
    replaced = len(plan.differing) + len(plan.other_length)
    body = {
        "motor": motor, "rows": found.rows, "written": len(written), "known": plan.same, "measured": plan.measured,
        "replaced": replaced, "not_ended": not_ended, "energy_kwh": round(sum(known_wh) / 1000, 3),
        "from_ms": first.start_ms, "to_ms": last.end_ms, "zone": zone, "step_s": found.step_s,
        "length_s": found.length_s, "repeated": found.repeated, "empty": found.empty, "partial": found.partial,
        "resets": found.resets, "gaps": found.gaps, "below_zero": found.below_zero,
        "without_value": found.without_value, "repeated_hours_once": found.once,
        "warnings": [as_object(item) for item in [*suspect, *ratios]],
    }  # fmt: skip
    counts = _Counts(len(written), plan.same, plan.measured, replaced, not_ended)
    return ImportResult(body, [*_findings(motor, counts, found), *suspect, *ratios])


def _store_drivers(
    store: Store, config: Config, file: Path, motor: str, zone: str, found: DriverHistory, replace: bool, now_ms: int
) -> ImportResult:  # fmt: skip
    begin_ms, end_ms = found.spans[0][0], found.spans[-1][1]
    now_ms = present_ms(config, store, now_ms)
    stored = load_intervals(store, motor, begin_ms - INTERVAL_MS_MAX, end_ms)
    new, other = list[Interval](), list[Interval]()
    for item in stored:
        drivers = {**item.drivers, **found.over(item.start_ms, item.end_ms)}
        if drivers != item.drivers:
            differs = any(drivers[name] != driver for name, driver in item.drivers.items())
            (other if differs else new).append(changed(item, drivers=drivers))
    if other and not replace:
        raise ImportProblem(codes.DRIVER_CONFLICT(n=len(other), first_ms=other[0].start_ms))
    _write(store, config, file, motor, zone, new + other, [], now_ms)
    without_energy = sum(not _overlapping(stored, begin, end) for begin, end in found.spans)
    body = {
        "motor": motor, "rows": found.rows, "written": len(new) + len(other), "replaced": len(other),
        "without_energy": without_energy, "repeated": found.repeated, "step_s": found.step_s, "zone": zone,
        "from_ms": begin_ms, "to_ms": end_ms, "without_value": found.without_value, "repeated_hours_once": found.once,
    }  # fmt: skip
    findings = [codes.DRIVERS_IMPORTED(asset=motor, n=len(new) + len(other), from_ms=begin_ms, to_ms=end_ms,
                                       step_min=found.step_s / 60)]  # fmt: skip
    if without_energy:
        findings.append(codes.ROWS_WITHOUT_ENERGY(n=without_energy))
    findings += _without_value(found.without_value)
    findings += [codes.REPEATED_HOUR_ONCE(time=time) for time in found.once]
    ratios = _ratio_findings(store, config, motor, now_ms)
    return ImportResult(body | {"warnings": [as_object(item) for item in ratios]}, findings + ratios)


def _ratio_findings(store: Store, config: Config, motor: str, now_ms: int) -> list[Reason]:
    """Stores the events of the transformer ratio that the imported energies open, and returns how to decide them."""
    asset = next(asset for asset in assets(config) if asset.name == motor)
    try:
        events = store_ratio_events(store, asset, config.site.timezone, now_ms)
    except InvalidValue as error:  # the baseline cannot be used
        return [error.reason]
    return [
        codes.RATIO_EVENT(asset=motor, number=event.number, from_ms=event.from_ms, cause=event.cause)
        for event in events if event.decision is None and event.cause.code == ENERGY_FACTOR
    ]  # fmt: skip


def _write(
    store: Store, config: Config, file: Path, motor: str, zone: str, items: list[Interval], withdrawn: list[Interval],
    now_ms: int,
) -> None:  # fmt: skip
    """Writes the record of the import, the intervals in the order of time, and their records."""
    if not items:
        return
    entry = {
        "asset": motor, "file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "from_ms": min(item.start_ms for item in items), "to_ms": max(item.end_ms for item in items),
        "intervals": len(items), "zone": zone,
    }  # fmt: skip
    if withdrawn:
        entry["withdrawn"] = len(withdrawn)
    in_order = sorted([*items, *withdrawn], key=lambda item: item.start_ms)
    recorder.record_import(store, config, now_ms, entry, in_order)


class _Comparison(NamedTuple):
    """The intervals of a file compared with the stored ones.

    new: no stored interval has the same start and length, and none that the agent measured overlaps.
    same: number of those that were imported before with the same values.
    measured: number of those that overlap intervals that the agent measured.
    differing: those that were imported before with other values.
    other_length: intervals that were imported before and overlap new ones, but have another start or length.
    """

    new: list[Interval]
    same: int
    measured: int
    differing: list[Interval]
    other_length: list[Interval]


def _compared(items: Sequence[Interval], stored: Sequence[Interval]) -> _Comparison:
    """items, stored: in order; the items do not overlap each other."""
    new, differing, same, measured = list[Interval](), list[Interval](), 0, 0
    other_length: dict[int, Interval] = {}
    for item in items:
        overlapping = _overlapping(stored, item.start_ms, item.end_ms)
        if any(old.source == "measured" for old in overlapping):
            measured += 1
        elif [(old.start_ms, old.end_ms) for old in overlapping] == [(item.start_ms, item.end_ms)]:
            if changed(overlapping[0], meter=item.meter) == item:
                same += 1
            else:
                differing.append(item)
        else:
            new.append(item)
            other_length |= {old.start_ms: old for old in overlapping}
    return _Comparison(new, same, measured, differing, list(other_length.values()))


def _overlapping(found: Sequence[Interval], from_ms: int, to_ms: int) -> Sequence[Interval]:
    """The intervals that overlap this time. found: in order, without overlaps."""
    first = bisect_right(found, from_ms, key=lambda item: item.end_ms)
    return found[first : bisect_left(found, to_ms, key=lambda item: item.start_ms)]


def _covers(items: Sequence[Interval], old: Interval) -> bool:
    """Whether the items, in order, cover the whole of an interval."""
    parts = _overlapping(items, old.start_ms, old.end_ms)
    return sum(min(part.end_ms, old.end_ms) - max(part.start_ms, old.start_ms) for part in parts) == (
        old.end_ms - old.start_ms
    )


def _withdrawn(old: Interval) -> Interval:
    """What replaces an interval whose time intervals of another length cover: no time and no energy."""
    return Interval(old.asset, old.start_ms, None, 0, coverage=0.0, source="imported")


class _Counts(NamedTuple):
    """Numbers of intervals, as in `_Comparison`; written includes replaced ones."""

    written: int
    known: int
    measured: int
    replaced: int
    not_ended: int


def _findings(asset: str, counts: _Counts, found: MeterHistory) -> list[Reason]:
    """The result of an import."""
    energy_wh = sum(item.energy_wh or 0.0 for item in found.intervals)
    findings = [codes.INTERVALS_IMPORTED(asset=asset, n=counts.written, energy_wh=energy_wh,
                                         from_ms=found.intervals[0].start_ms, to_ms=found.intervals[-1].end_ms,
                                         step_min=found.step_s / 60, length_min=found.length_s / 60)]  # fmt: skip
    numbers = (
        (codes.INTERVALS_KNOWN, counts.known), (codes.INTERVALS_MEASURED, counts.measured),
        (codes.INTERVALS_REPLACED, counts.replaced), (codes.INTERVALS_NOT_ENDED, counts.not_ended),
        (codes.INTERVALS_INCOMPLETE, found.partial), (codes.ROWS_REPEATED, found.repeated),
        (codes.ROWS_WITHOUT_VALUE, found.empty), (codes.REGISTER_DECREASED, found.resets),
    )  # fmt: skip
    findings += [code(n=n) for code, n in numbers if n]
    findings += _without_value(found.without_value)
    findings += [codes.REPEATED_HOUR_ONCE(time=time) for time in found.once]
    findings += _gaps(found.gaps)
    return findings


def _without_value(by_column: Mapping[str, int]) -> list[Reason]:
    return [codes.DRIVER_WITHOUT_VALUE(column=column, n=n) for column, n in by_column.items()]


def _gaps(gaps: Sequence[tuple[int, int]]) -> list[Reason]:
    named_gaps = [codes.IMPORT_GAP(from_ms=from_ms, to_ms=to_ms) for from_ms, to_ms in gaps[:GAPS_SHOWN]]
    return [*named_gaps, codes.MORE_GAPS(n=len(gaps) - GAPS_SHOWN)] if len(gaps) > GAPS_SHOWN else named_gaps
