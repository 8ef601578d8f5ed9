"""An imported history into the state file and the ledger: what is new is written, what was measured stays."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Mapping
from dataclasses import replace as changed
from pathlib import Path
from typing import Any, NamedTuple

from agent.clock import SystemClock
from agent.config import Config, Motor
from agent.savings import bookkeeper
from agent.savings.csv_rows import Column, ImportProblem
from agent.savings.import_csv import Imported, read_history
from agent.savings.import_drivers import Drivers, read_drivers
from agent.savings.keep import load_intervals
from agent.savings.ledger_key import LedgerKeyError
from agent.savings.present import present_ms
from agent.savings.report.month import local
from agent.savings.types import QUARTER_MS, Interval
from agent.signals import metric_of
from agent.store import Store, StoreError, default_directory
from agent.words import counted

# Times the rated power, as mean power of a quarter hour: not even a start takes so much.
TOO_MUCH, TOO_LITTLE = 3.0, 0.01


class Told(NamedTuple):
    body: dict[str, Any]
    lines: list[str]


def run(
    config: Config, file: Path, motor: str, zone: str, time: str, energy: Column, *, counter: bool, ends: bool,
    drivers: Mapping[str, Column], meter: str, replace: bool, now_ms: int,
) -> Told:  # fmt: skip
    """A meter's history. Raises ImportProblem, with nothing written."""
    named = {metric_of(name, column.unit): column for name, column in drivers.items()}
    found = read_history(file, motor, zone, time, energy, counter=counter, ends=ends, drivers=named, meter=meter)
    if not found.intervals:
        raise ImportProblem(f"{file}: holds no energy at all")
    odd = _odd(found, config.motors[motor], file, energy.unit)
    return _with_store(config, lambda store: _keep(store, config, file, motor, zone, found, odd, replace, now_ms))


def run_drivers(
    config: Config, file: Path, motor: str, zone: str, time: str, drivers: Mapping[str, Column], *, ends: bool,
    replace: bool, now_ms: int,
) -> Told:  # fmt: skip
    """What drives a motor, put beside the energy that is there. Raises ImportProblem, with nothing written."""
    named = {metric_of(name, column.unit): column for name, column in drivers.items()}
    found = read_drivers(file, zone, time, named, ends=ends)
    return _with_store(config, lambda store: _keep_drivers(store, config, file, motor, zone, found, replace, now_ms))


def _odd(found: Imported, motor: Motor, file: Path, unit: str) -> list[str]:
    """What is strange beside the nameplate, in words. Raises ImportProblem for what no motor of this size does."""
    means_kw = [item.energy_wh * 3.6 / item.length_s for item in found.intervals if item.energy_wh is not None]
    if not means_kw:
        return []
    rated_kw = max(motor.kw, motor.replaced_motor.kw if motor.replaced_motor else 0.0)
    middle, most, told = statistics.median(means_kw), max(means_kw), f"the motor is rated {rated_kw:g} kW"
    if middle > TOO_MUCH * rated_kw:
        raise ImportProblem(f"{file}: half of the quarter hours are above {middle:.0f} kW, but {told}; "
                            f"is {unit} the unit, and is it this motor's meter?")  # fmt: skip
    if sum(means_kw) < 0:
        raise ImportProblem(f"{file}: as a whole the energy is below zero: is it what was fed back, or a transformer "
                            "turned round?")  # fmt: skip
    lines = []
    if 0 < most < TOO_LITTLE * rated_kw:
        lines.append(f"never more than {most:.3g} kW, but {told}: is {unit} the unit?")
    if found.below_zero:
        lines.append(
            f"{counted(found.below_zero, 'row')} below zero: is a transformer turned round, or was it fed back?"
        )
    return lines


def _with_store(config: Config, work: Callable[[Store], Told]) -> Told:
    try:
        store = Store(config.state_dir or default_directory(), SystemClock(), config.store)
        try:
            return work(store)
        finally:
            store.close()
    except (StoreError, LedgerKeyError) as error:
        raise ImportProblem(str(error)) from None


def _keep(
    store: Store, config: Config, file: Path, motor: str, zone: str, found: Imported, odd: list[str], replace: bool,
    now_ms: int,
) -> Told:  # fmt: skip
    first, last = found.intervals[0], found.intervals[-1]
    now_ms = present_ms(config, store.rows, now_ms)
    if last.end_ms > now_ms + QUARTER_MS:
        raise ImportProblem(f"{file}: goes to {local(last.end_ms, zone)}, and now it is {local(now_ms, zone)}: "
                            "are day and month exchanged, or is this machine's clock wrong?")  # fmt: skip
    held = {item.start_ms: item for item in load_intervals(store, motor, first.start_ms, last.end_ms)}
    new, same, measured, other = _sorted(found.intervals, held)
    if other and not replace:
        raise ImportProblem(f"{len(other)} quarter hours were imported before with other values, the first at "
                            f"{local(other[0].start_ms, zone)}; --replace takes these instead")  # fmt: skip
    _write(store, config, file, motor, zone, new + other, now_ms)
    known = [item.energy_wh for item in found.intervals if item.energy_wh is not None]
    body = {
        "motor": motor, "rows": found.rows, "written": len(new) + len(other), "known": same, "measured": measured,
        "replaced": len(other), "energy_kwh": round(sum(known) / 1000, 3), "from_ms": first.start_ms,
        "to_ms": last.end_ms, "zone": zone, "step_s": found.step_s, "repeated": found.repeated, "empty": found.empty,
        "partial": found.partial, "resets": found.resets, "gaps": found.gaps, "below_zero": found.below_zero,
        "repeated_hours_once": found.once, "odd": odd,
    }  # fmt: skip
    return Told(body, [*_lines(body, found, zone), *odd])


def _keep_drivers(
    store: Store, config: Config, file: Path, motor: str, zone: str, found: Drivers, replace: bool, now_ms: int
) -> Told:  # fmt: skip
    starts = sorted(found.by_start)
    now_ms = present_ms(config, store.rows, now_ms)
    held = {item.start_ms: item for item in load_intervals(store, motor, starts[0], starts[-1] + 1)}
    new, other = list[Interval](), list[Interval]()
    for start_ms, item in held.items():
        told = found.by_start.get(start_ms, {})
        if any(name in item.drivers and item.drivers[name] != driver for name, driver in told.items()):
            other.append(changed(item, drivers={**item.drivers, **told}))
        elif told.keys() - item.drivers.keys():
            new.append(changed(item, drivers={**item.drivers, **told}))
    if other and not replace:
        raise ImportProblem(f"{len(other)} quarter hours have other values of that driver, the first at "
                            f"{local(other[0].start_ms, zone)}; --replace takes these instead")  # fmt: skip
    _write(store, config, file, motor, zone, new + other, now_ms)
    alone = len([start_ms for start_ms in starts if start_ms not in held])
    body = {
        "motor": motor, "rows": found.rows, "written": len(new) + len(other), "replaced": len(other),
        "without_energy": alone, "repeated": found.repeated, "step_s": found.step_s, "zone": zone,
        "from_ms": starts[0], "to_ms": starts[-1] + QUARTER_MS, "repeated_hours_once": found.once,
    }  # fmt: skip
    written = counted(len(new) + len(other), "quarter hour")
    lines = [f"{motor}: drivers of {written} written, {local(starts[0], zone)} to "
             f"{local(starts[-1] + QUARTER_MS, zone)} ({zone}), rows of {found.step_s // 60} min"]  # fmt: skip
    if alone:
        lines.append(f"{alone} quarter hours have no energy yet: their drivers were left out")
    lines += _once(found.once)
    return Told(body, lines)


def _write(
    store: Store, config: Config, file: Path, motor: str, zone: str, items: list[Interval], now_ms: int
) -> None:  # fmt: skip
    """The record of where they came from, intervals, and their hours' records."""
    if not items:
        return
    starts = [item.start_ms for item in items]
    entry = {
        "asset": motor, "file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "from_ms": min(starts), "to_ms": max(starts) + QUARTER_MS, "quarter_hours": len(items), "zone": zone,
    }  # fmt: skip
    bookkeeper.take_in(store, config, now_ms, entry, items)


def _sorted(
    items: list[Interval], held: Mapping[int, Interval]
) -> tuple[list[Interval], int, int, list[Interval]]:  # fmt: skip
    """New ones; how many are known already; how many were measured and stay; imported ones that differ."""
    new, other, same, measured = [], [], 0, 0
    for item in items:
        old = held.get(item.start_ms)
        if old is None:
            new.append(item)
        elif old.source == "measured":
            measured += 1
        elif changed(old, meter=item.meter) == item:
            same += 1
        else:
            other.append(item)
    return new, same, measured, other


def _lines(body: Mapping[str, Any], found: Imported, zone: str) -> list[str]:
    lines = [
        f"{body['motor']}: {counted(body['written'], 'quarter hour')} written, {body['energy_kwh']} kWh from "
        f"{local(body['from_ms'], zone)} to {local(body['to_ms'], zone)} ({zone}), rows of {found.step_s // 60} min"
    ]
    for count, text in (
        (body["known"], "known already"), (body["measured"], "measured by the agent, nothing replaces that"),
        (body["replaced"], "in place of an earlier import"), (found.partial, "not whole, as their coverage says"),
    ):  # fmt: skip
        if count:
            lines.append(f"{counted(count, 'quarter hour')}: {text}")
    if found.repeated:
        lines.append(f"{counted(found.repeated, 'row')} stood there twice")
    if found.empty:
        lines.append(f"{counted(found.empty, 'row')} had no value")
    if found.resets:
        lines.append(f"the register fell {counted(found.resets, 'time')}: no energy was taken over these")
    lines += _once(found.once)
    lines += [f"gap: {local(begin, zone)} to {local(end, zone)}" for begin, end in found.gaps[:10]]
    if len(found.gaps) > 10:
        lines.append(f"and {len(found.gaps) - 10} more gaps")
    return lines


def _once(found: list[str]) -> list[str]:
    return [f"the clock repeats the hour of {first}, and it stands there once: taken for the first, the second is a gap"
            for first in found]  # fmt: skip
