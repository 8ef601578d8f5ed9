"""Intervals, baselines and events in the state file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from agent.savings import baseline as baselines
from agent.savings.types import Baseline, Driver, Event, Interval
from agent.store import Store, StoreError

DRAFT, FROZEN, EVENT = "baseline-draft", "baseline", "savings-event"


def save_interval(store: Store, interval: Interval) -> None:
    """In the place of what stood there; committed with the next group. Does not wait."""
    row = interval.asset, interval.start_ms, msgspec.json.encode(interval).decode()
    store.post(lambda db: db.execute("insert or replace into interval values (?, ?, ?)", row))


def save_intervals(store: Store, intervals: list[Interval]) -> None:
    """All of them or none. Waits for its commit. Raises StoreError."""
    rows = [(item.asset, item.start_ms, msgspec.json.encode(item).decode()) for item in intervals]
    store.do(lambda db: db.executemany("insert or replace into interval values (?, ?, ?)", rows).rowcount)


def load_intervals(store: Store, asset: str, from_ms: int = 0, to_ms: int = 1 << 62) -> list[Interval]:
    """from_ms ≤ start < to_ms, in order, as they were last committed. Raises StoreError."""
    rows = store.rows(
        "select body from interval where asset = ? and start_ms >= ? and start_ms < ? order by start_ms",
        (asset, from_ms, to_ms),
    )
    return [_decoded(body, Interval, asset) for (body,) in rows]


def last_interval(store: Store, asset: str) -> Interval | None:
    """The newest that is kept. Raises StoreError."""
    rows = store.rows("select body from interval where asset = ? order by start_ms desc limit 1", (asset,))
    return _decoded(rows[0][0], Interval, asset) if rows else None


def save_draft(store: Store, baseline: Baseline) -> None:
    store.save_note(DRAFT, baseline.asset, "", baselines.to_json(baseline))


def load_draft(store: Store, asset: str) -> Baseline | None:
    return _load(store, DRAFT, asset)


def save_frozen(store: Store, baseline: Baseline) -> None:
    """Becomes the one in force; those before stay under their hash. Raises ValueError without a right hash."""
    if not baselines.intact(baseline):
        raise ValueError(f"{baseline.asset}: this baseline is not what was frozen")
    body = baselines.to_json(baseline)
    store.save_note(FROZEN, f"{baseline.asset}/{baseline.hash[:16]}", "", body)
    store.save_note(FROZEN, baseline.asset, "", body)


def load_frozen(store: Store, asset: str) -> Baseline | None:
    """The one in force; None when there is none. Raises ValueError when it is not what was frozen."""
    found = _load(store, FROZEN, asset)
    if found is not None and not baselines.intact(found):
        raise ValueError(f"{asset}: the baseline in the store is not the one that was frozen (its hash differs)")
    return found


def load_events(store: Store, asset: str) -> list[Event]:
    """In the order of their numbers. Raises StoreError."""
    rows = store.rows(
        "select body from note where kind = ? and name between ? and ?", (EVENT, f"{asset}/", f"{asset}0")
    )
    found = [_decoded(body, Event, asset) for (body,) in rows]
    return sorted(found, key=lambda event: event.number)


def save_event(store: Store, event: Event) -> Event:
    """With a number of its own where it has none. Waits for its commit. Raises StoreError."""
    if event.number == 0:
        event = replace(event, number=1 + max((old.number for old in load_events(store, event.asset)), default=0))
    store.save_note(EVENT, f"{event.asset}/{event.number}", "", msgspec.to_builtins(event))
    return event


T = TypeVar("T")


def _decoded(body: str, kind: type[T], asset: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise StoreError(f"{asset}: a kept {kind.__name__.lower()} cannot be read: {error}") from None


def _load(store: Store, kind: str, asset: str) -> Baseline | None:
    rows = store.rows("select body from note where kind = ? and name = ?", (kind, asset))
    if not rows:
        return None
    try:
        return baselines.from_json(msgspec.json.decode(rows[0][0]))
    except (KeyError, TypeError, ValueError, AttributeError, msgspec.MsgspecError) as error:
        raise ValueError(f"{asset}: the baseline in the store cannot be read: {error!r}") from None


_SUMS = ("energy_wh", "auxiliary_wh", "shaft_wh", "drive_loss_wh", "motor_loss_wh", "u_drive_loss_wh",
         "u_motor_loss_wh", "reactive_varh", "filled_wh", "running_s")  # fmt: skip


def merged(a: Interval, b: Interval) -> Interval:
    """Two parts of one quarter hour, of before and after a restart, or of a clock that ran there twice."""

    def plus(x: float | None, y: float | None) -> float | None:
        return y if x is None else x if y is None else x + y

    weight_a, weight_b = max(a.coverage, 1e-9), max(b.coverage, 1e-9)

    def mean(x: float | None, y: float | None) -> float | None:
        return y if x is None else x if y is None else (x * weight_a + y * weight_b) / (weight_a + weight_b)

    drivers = {**a.drivers, **b.drivers}
    for name in a.drivers.keys() & b.drivers.keys():
        one, other = a.drivers[name], b.drivers[name]
        both = mean(one.mean, other.mean)
        assert both is not None
        drivers[name] = Driver(both, max(one.u, other.u))
    flags = set(a.flags) | set(b.flags)
    if a.coverage + b.coverage > 1.02:
        flags.add("clock")
    register = a.register_wh or b.register_wh
    if a.register_wh and b.register_wh:
        register = a.register_wh[0], b.register_wh[1]
    added: dict[str, Any] = {name: plus(getattr(a, name), getattr(b, name)) for name in _SUMS}
    return replace(
        a, **added, speed_rpm=mean(a.speed_rpm, b.speed_rpm), drivers=drivers, coverage=a.coverage + b.coverage,
        meter=b.meter or a.meter, register_wh=register, flags=tuple(sorted(flags)),
    )  # fmt: skip
