"""Baselines fitted again to the intervals in a ledger, and the savings of each month with them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple

import msgspec
import pyarrow.parquet as pq
from msgspec import Struct, field

from agent.config.loader import ConfigError, config_of_text
from agent.config.reporting_periods import ReportingPhase
from agent.config.tariff import month_bounds_ms
from agent.config.topology import Asset, assets
from agent.core.local_time import format_date
from agent.fleet.ledger_records import decided_event, frozen_baseline, is_stored_interval, read_interval
from agent.fleet.reanalysis.analyses import Row
from agent.fleet.reasons import CONFIGURATION_MISSING, CONFIGURATION_UNUSABLE
from agent.savings.accounting.account import Account, SavingsBasis
from agent.savings.baseline.baseline import learn
from agent.savings.baseline.samples import LearnError
from agent.savings.records.interval_lengths import of_one_length
from agent.savings.records.meter_identity import MeterClasses
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent, Saving

ALL = "all"  # in place of a month: the complete reporting period
COLUMNS = ["seq", "kind", "line", "stored"]
Period = tuple[str, int, int | None]  # month, from and to, UTC ms


class _Site(NamedTuple):
    """plants: the configured motors. problem: code, why a motor is not among them."""

    zone: str = "UTC"
    plants: Mapping[str, Asset] = {}
    problem: str = str.__str__(CONFIGURATION_MISSING)


class _Motor(Struct):
    """intervals: the counting ones, by start; None: the lake does not have what was stored."""

    baseline: Baseline | None = None
    events: dict[int, NonRoutineEvent] = field(default_factory=dict)
    intervals: dict[int, Interval | None] = field(default_factory=dict)


def baseline(contents: Sequence[bytes]) -> list[Row]:
    """By motor with a frozen baseline: a row for each month of the site after the baseline, and one for all of it.

    frozen_…: with the baseline of the ledger, refit_…: with the one that this software fits to the same period.
    Non-routine events count as decided. U95 and verdict of a motor without a configuration are unknown.
    """
    motors, site = _read(contents)
    return [row for name in sorted(motors) if motors[name].baseline for row in _rows(motors[name], site)]


def _read(contents: Sequence[bytes]) -> tuple[dict[str, _Motor], _Site]:
    records, site = dict[int, tuple[str, str, str | None]](), _Site()
    for content in contents:
        file = pq.ParquetFile(BytesIO(content), page_checksum_verification=True)
        if "timezone" in file.schema_arrow.names:
            [newest] = file.read(["timezone", "text"], use_threads=False).slice(0, 1).to_pylist()
            site = _site(newest["timezone"], newest["text"])
            continue
        columns = file.read(COLUMNS, use_threads=False)
        for seq, kind, line, stored in zip(*(columns[name].to_pylist() for name in COLUMNS), strict=True):
            known = records.get(seq)
            records[seq] = kind, line, stored or (known[2] if known and known[1] == line else None)
    motors: dict[str, _Motor] = {}
    for _, (kind, line, stored) in sorted(records.items()):
        body = msgspec.json.decode(line)
        if kind == "interval":
            _add_interval(motors.setdefault(body["asset"], _Motor()), body, stored)
        elif kind == "baseline":
            frozen = frozen_baseline(body)
            motors.setdefault(frozen.asset, _Motor()).baseline = frozen
        elif kind == "decision":
            event = decided_event(body)
            motors.setdefault(event.asset, _Motor()).events[event.number] = event
    return motors, site


def _site(zone: str, text: str) -> _Site:
    try:
        config = config_of_text(text)
    except ConfigError:
        return _Site(zone, problem=str.__str__(CONFIGURATION_UNUSABLE))
    return _Site(zone, {asset.name: asset for asset in assets(config) if asset.motor})


def _add_interval(motor: _Motor, body: Mapping[str, Any], stored: str | None) -> None:
    """The last record of a start counts. Raises ValueError if what was stored is not what the record names."""
    if stored is not None and not is_stored_interval(stored, body["interval"]):
        raise ValueError(f"record {body['seq']}: the interval is not the one of the record")
    if not body["length_s"]:
        motor.intervals.pop(body["from_ms"], None)
    else:
        motor.intervals[body["from_ms"]] = read_interval(stored) if stored else None


def _rows(motor: _Motor, site: _Site) -> Iterator[Row]:
    frozen = motor.baseline
    assert frozen is not None
    plant = site.plants.get(frozen.asset)
    found = sorted((item for item in motor.intervals.values() if item is not None), key=lambda item: item.start_ms)
    if not found or found[-1].start_ms < frozen.to_ms:
        return
    again, problem = None, None if plant else site.problem
    try:
        again = _learn(frozen, found)
    except LearnError as error:
        problem = str.__str__(error.reason.code)
    for period in _periods(frozen.to_ms, found[-1].end_ms, site.zone):
        saved, refit = (
            _saving(_basis(model, plant, site.zone), motor, found, period) if model else None
            for model in (frozen, again)
        )
        assert saved is not None
        yield {
            "asset": frozen.asset, "t_ms": saved.to_ms, "month": period[0],
            "measured_wh": round(saved.measured_wh), **_of("frozen", frozen, saved, plant is not None),
            **_of("refit", again, refit, plant is not None),
            "not_stored": sum(item is None for item in motor.intervals.values()), "problem": problem,
        }  # fmt: skip


def _learn(frozen: Baseline, found: Sequence[Interval]) -> Baseline:
    """Fits to the period of the frozen baseline, which is from its first to its last interval."""
    of_period = [item for item in found if frozen.from_ms <= item.start_ms < frozen.to_ms]
    return learn(frozen.asset, of_one_length(of_period), classes=(frozen.accuracy_class, frozen.ct_class))


def _basis(model: Baseline, plant: Asset | None, zone: str) -> SavingsBasis:
    if plant is not None:
        return SavingsBasis.of(plant, zone, model)
    return SavingsBasis(model, ReportingPhase("reporting", model.to_ms), MeterClasses(), None, {})


def _saving(basis: SavingsBasis, motor: _Motor, found: Sequence[Interval], period: Period) -> Saving:
    starts = [item.start_ms for item in found]
    account = Account(
        basis, list(motor.events.values()),
        lambda from_ms, to_ms: found[bisect_left(starts, from_ms) : bisect_left(starts, to_ms)], period[1:],
    )  # fmt: skip
    end_ms = found[-1].end_ms
    account.add_until(None, end_ms)
    return account.saving(end_ms)


def _periods(from_ms: int, to_ms: int, zone: str) -> Iterator[Period]:
    at_ms = from_ms
    while at_ms < to_ms:
        month = format_date(at_ms, zone)[:7]
        begin_ms, at_ms = month_bounds_ms(month, zone)
        yield month, begin_ms, at_ms
    yield ALL, from_ms, None


def _of(name: str, model: Baseline | None, saving: Saving | None, is_configured: bool) -> dict[str, Any]:
    known = saving if is_configured else None
    return {
        f"{name}_model": model.kind if model else None, f"{name}_drivers": ",".join(model.drivers) if model else None,
        f"{name}_hash": model.hash or None if model else None,
        f"{name}_cv_rmse": round(model.cv_rmse, 6) if model else None,
        f"{name}_intervals": saving.intervals if saving else None,
        f"{name}_saved_wh": round(saving.saved_wh) if saving else None,
        f"{name}_u95_wh": round(known.u95_wh) if known else None,
        f"{name}_verdict": str(known.verdict) if known else None,
    }  # fmt: skip
