"""Imports a history into the state file and the ledger: new intervals are written, measured ones are kept."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace as changed
from pathlib import Path
from typing import Any, NamedTuple

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
from agent.savings.records.model import QUARTER_MS, Interval
from agent.savings.records.repository import load_intervals, present_ms
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
    with _store(config) as store:
        return _store_energy(store, config, file, motor, zone, found, suspect, replace, now_ms)


def import_drivers(
    config: Config, file: Path, motor: str, zone: str, time: str, drivers: Mapping[str, CsvColumn], *, ends: bool,
    replace: bool, now_ms: int,
) -> ImportResult:  # fmt: skip
    """Adds drivers to stored energy. Raises ImportProblem, StoreError, LedgerKeyError; then nothing is written."""
    named = {metric_of(name, column.unit): column for name, column in drivers.items()}
    found = read_drivers(file, zone, time, named, ends=ends)
    with _store(config) as store:
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


def _store(config: Config) -> closing[Store]:
    return closing(Store(config.state_dir or default_directory(), SystemClock(), config.store))


def _store_energy(
    store: Store, config: Config, file: Path, motor: str, zone: str, found: MeterHistory, suspect: list[Reason],
    replace: bool, now_ms: int,
) -> ImportResult:  # fmt: skip
    first, last = found.intervals[0], found.intervals[-1]
    now_ms = present_ms(config, store, now_ms)
    if last.end_ms > now_ms + QUARTER_MS:
        raise ImportProblem(codes.IMPORT_IN_FUTURE(path=str(file), end_ms=last.end_ms, now_ms=now_ms))
    stored = {item.start_ms: item for item in load_intervals(store, motor, first.start_ms, last.end_ms)}
    new, same, measured, other = _compared(found.intervals, stored)
    if other and not replace:
        raise ImportProblem(codes.IMPORT_CONFLICT(n=len(other), first_ms=other[0].start_ms))
    _write(store, config, file, motor, zone, new + other, now_ms)
    known = [item.energy_wh for item in found.intervals if item.energy_wh is not None]
    ratios = _ratio_findings(store, config, motor, now_ms)
    body = {
        "motor": motor, "rows": found.rows, "written": len(new) + len(other), "known": same, "measured": measured,
        "replaced": len(other), "energy_kwh": round(sum(known) / 1000, 3), "from_ms": first.start_ms,
        "to_ms": last.end_ms, "zone": zone, "step_s": found.step_s, "repeated": found.repeated, "empty": found.empty,
        "partial": found.partial, "resets": found.resets, "gaps": found.gaps, "below_zero": found.below_zero,
        "repeated_hours_once": found.once, "warnings": [as_object(item) for item in [*suspect, *ratios]],
    }  # fmt: skip
    return ImportResult(body, [*_findings(motor, len(new), same, measured, len(other), found), *suspect, *ratios])


def _store_drivers(
    store: Store, config: Config, file: Path, motor: str, zone: str, found: DriverHistory, replace: bool, now_ms: int
) -> ImportResult:  # fmt: skip
    starts = sorted(found.by_start)
    now_ms = present_ms(config, store, now_ms)
    stored = {item.start_ms: item for item in load_intervals(store, motor, starts[0], starts[-1] + 1)}
    new, other = list[Interval](), list[Interval]()
    for start_ms, item in stored.items():
        drivers = {**item.drivers, **found.by_start.get(start_ms, {})}
        if drivers != item.drivers:
            differs = any(drivers[name] != driver for name, driver in item.drivers.items())
            (other if differs else new).append(changed(item, drivers=drivers))
    if other and not replace:
        raise ImportProblem(codes.DRIVER_CONFLICT(n=len(other), first_ms=other[0].start_ms))
    _write(store, config, file, motor, zone, new + other, now_ms)
    without_energy = len(found.by_start.keys() - stored.keys())
    body = {
        "motor": motor, "rows": found.rows, "written": len(new) + len(other), "replaced": len(other),
        "without_energy": without_energy, "repeated": found.repeated, "step_s": found.step_s, "zone": zone,
        "from_ms": starts[0], "to_ms": starts[-1] + QUARTER_MS, "repeated_hours_once": found.once,
    }  # fmt: skip
    findings = [codes.DRIVERS_IMPORTED(asset=motor, n=len(new) + len(other), from_ms=starts[0],
                                       to_ms=starts[-1] + QUARTER_MS, step_min=found.step_s / 60)]  # fmt: skip
    if without_energy:
        findings.append(codes.INTERVALS_WITHOUT_MEASUREMENT(n=without_energy))
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
    store: Store, config: Config, file: Path, motor: str, zone: str, items: list[Interval], now_ms: int
) -> None:  # fmt: skip
    """Writes the record of the import, the intervals, and the records of their hours."""
    if not items:
        return
    starts = [item.start_ms for item in items]
    entry = {
        "asset": motor, "file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "from_ms": min(starts), "to_ms": max(starts) + QUARTER_MS, "quarter_hours": len(items), "zone": zone,
    }  # fmt: skip
    recorder.record_import(store, config, now_ms, entry, items)


def _compared(
    items: list[Interval], stored: Mapping[int, Interval]
) -> tuple[list[Interval], int, int, list[Interval]]:  # fmt: skip
    """New intervals; how many were imported before; how many were measured; imported ones that differ."""
    new, other, same, measured = [], [], 0, 0
    for item in items:
        old = stored.get(item.start_ms)
        if old is None:
            new.append(item)
        elif old.source == "measured":
            measured += 1
        elif changed(old, meter=item.meter) == item:
            same += 1
        else:
            other.append(item)
    return new, same, measured, other


def _findings(asset: str, new: int, known: int, measured: int, replaced: int, found: MeterHistory) -> list[Reason]:
    """The result of an import; the first four counts are intervals."""
    energy_wh = sum(item.energy_wh or 0.0 for item in found.intervals)
    findings = [codes.INTERVALS_IMPORTED(asset=asset, n=new + replaced, energy_wh=energy_wh,
                                         from_ms=found.intervals[0].start_ms, to_ms=found.intervals[-1].end_ms,
                                         step_min=found.step_s / 60)]  # fmt: skip
    counts = (
        (codes.INTERVALS_KNOWN, known), (codes.INTERVALS_MEASURED, measured), (codes.INTERVALS_REPLACED, replaced),
        (codes.INTERVALS_INCOMPLETE, found.partial), (codes.ROWS_REPEATED, found.repeated),
        (codes.ROWS_WITHOUT_VALUE, found.empty), (codes.REGISTER_DECREASED, found.resets),
    )  # fmt: skip
    findings += [code(n=n) for code, n in counts if n]
    findings += [codes.REPEATED_HOUR_ONCE(time=time) for time in found.once]
    findings += _gaps(found.gaps)
    return findings


def _gaps(gaps: Sequence[tuple[int, int]]) -> list[Reason]:
    named_gaps = [codes.IMPORT_GAP(from_ms=from_ms, to_ms=to_ms) for from_ms, to_ms in gaps[:GAPS_SHOWN]]
    return [*named_gaps, codes.MORE_GAPS(n=len(gaps) - GAPS_SHOWN)] if len(gaps) > GAPS_SHOWN else named_gaps
