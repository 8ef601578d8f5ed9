"""Sums of one interval of 15 min while it is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agent.estimate.window import Cell
from agent.savings.types import QUARTER_MS, Driver, Interval

SHAFT_LEAST = 0.5  # share of the covered time from which a known shaft energy is extrapolated to all of it


@dataclass(slots=True)
class Bucket:
    """Sums of the interval that starts at start_ms (UTC).

    base: the same interval as stored earlier, by an earlier run or before a change of the clock; None: there is none.
    """

    start_ms: int
    base: Interval | None = None
    covered_s: float = 0.0
    joules: float = 0.0
    var_s: float = 0.0
    var_known_s: float = 0.0
    running_s: float = 0.0
    filled_wh: float = 0.0
    filled: bool = False
    cells: Cell | None = None
    speed_s: float = 0.0
    speed_known_s: float = 0.0
    drivers: dict[str, tuple[float, float]] = field(default_factory=dict)  # (∫ value dt, s)
    flags: set[str] = field(default_factory=set)
    register_wh: tuple[int, int] | None = None

    @property
    def end_ms(self) -> int:
        return self.start_ms + QUARTER_MS

    def add_power(self, seconds: float, w: float, var: float | None, off_w: float) -> None:
        """Adds a part of the time between two polls.

        w, var: mean active and reactive power (None: unknown). off_w: largest power of a motor at standstill.
        """
        self.covered_s += seconds
        self.joules += w * seconds
        if var is not None:
            self.var_s += var * seconds
            self.var_known_s += seconds
        if abs(w) > off_w:
            self.running_s += seconds

    def add_cell(self, cell: Cell, speed_rpm: float | None) -> None:
        """Adds what the estimator measured. speed_rpm: None when unknown."""
        self.cells = cell if self.cells is None else self.cells.plus(cell)
        if speed_rpm is not None and cell.busy_s > 0:
            self.speed_s += speed_rpm * cell.busy_s
            self.speed_known_s += cell.busy_s

    def add_driver(self, name: str, value: float, seconds: float) -> None:
        """Adds the value of a driver, and the time for which it applied."""
        total, known_s = self.drivers.get(name, (0.0, 0.0))
        self.drivers[name] = total + value * seconds, known_s + seconds

    def interval(self, asset: str, meter: str, auxiliary_w: float, accuracy: Mapping[str, float]) -> Interval:
        """The interval, without `base`. auxiliary_w: power of auxiliaries while the motor runs; accuracy: relative U of
        drivers.
        """
        shaft = drive = motor = None
        u_drive = u_motor = 0.0
        if (cells := self.cells) is not None and cells.seconds >= SHAFT_LEAST * max(self.covered_s, 1.0):
            whole = self.covered_s / cells.seconds / 3600 if self.covered_s > 0 else 1 / 3600
            shaft, drive = whole * (cells.shaft_plus - cells.shaft_minus), whole * cells.drive
            motor = whole * cells.motor
            u_drive, u_motor = whole * cells.u_drive, whole * cells.u_motor
        known = self.covered_s > 0 or self.filled
        reactive = self.var_s / 3600 if self.var_known_s >= 0.9 * self.covered_s > 0 else None
        drivers = {
            name: Driver(total / seconds, accuracy.get(name, 0.0) * abs(total / seconds))
            for name, (total, seconds) in self.drivers.items()
            if seconds >= 0.5 * self.covered_s > 0
        }
        return Interval(
            asset, self.start_ms, self.joules / 3600 + self.filled_wh if known else None,
            auxiliary_wh=auxiliary_w * self.running_s / 3600, shaft_wh=shaft, drive_loss_wh=drive, motor_loss_wh=motor,
            u_drive_loss_wh=u_drive, u_motor_loss_wh=u_motor, reactive_varh=reactive,
            speed_rpm=self.speed_s / self.speed_known_s if self.speed_known_s > 0 else None, drivers=drivers,
            coverage=self.covered_s / 900, filled_wh=self.filled_wh, running_s=self.running_s, meter=meter,
            register_wh=self.register_wh, flags=tuple(sorted(self.flags)),
        )  # fmt: skip


_SUMS = ("energy_wh", "auxiliary_wh", "reactive_varh", "filled_wh", "running_s")
_LOSSES = ("drive_loss_wh", "motor_loss_wh", "u_drive_loss_wh", "u_motor_loss_wh")


def merged(a: Interval, b: Interval) -> Interval:
    """Two parts of one interval: before and after a restart, or of a clock that passed it twice.

    If only one part has shaft energy and losses, they are extrapolated to both if it is most of the time
    (`SHAFT_LEAST`), otherwise they are unknown.
    """

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
        flags.add("clock_step")
    register = a.register_wh or b.register_wh
    if a.register_wh and b.register_wh:
        register = a.register_wh[0], b.register_wh[1]
    added: dict[str, Any] = {name: plus(getattr(a, name), getattr(b, name)) for name in _SUMS}
    shaft = _shaft_of((a, b), plus)
    return replace(
        a, **added, **shaft, speed_rpm=mean(a.speed_rpm, b.speed_rpm), drivers=drivers,
        coverage=a.coverage + b.coverage, meter=b.meter or a.meter, register_wh=register, flags=tuple(sorted(flags)),
    )  # fmt: skip


def _shaft_of(parts: tuple[Interval, Interval], plus: Callable[[Any, Any], Any]) -> dict[str, Any]:
    known = [part for part in parts if part.shaft_wh is not None]
    names = ("shaft_wh", *_LOSSES)
    if len(known) != 1:
        return {name: plus(*(getattr(part, name) for part in parts)) for name in names}
    share = known[0].coverage / max(sum(part.coverage for part in parts), 1e-9)
    if share >= SHAFT_LEAST:
        return {name: None if (wh := getattr(known[0], name)) is None else wh / share for name in names}
    return dict.fromkeys(names[:3]) | dict.fromkeys(names[3:], 0.0)
