"""Sums of one interval of 15 min while it is measured."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from agent.analysis.efficiency.energy_window import EnergyCell
from agent.savings.records.model import QUARTER_MS, Driver, Interval

LENGTH_S = QUARTER_MS / 1000
SHAFT_LEAST = 0.5  # share of the covered time from which a known shaft energy is extrapolated to all of it


class IntervalAccumulator(Struct):
    """Sums of the interval that starts at start_ms (UTC). A mean is a sum divided by the time for which it is known.

    covered_s: time with a known power. energy_j: active energy in it. running_s: time above the power at standstill.
    reactive_var_s: reactive energy, in reactive_known_s.
    filled_wh: energy that the register counted during gaps; filled: there is some.
    cell: energies of the estimator.
    speed_rpm_s: integral of the speed, in speed_known_s.
    drivers: name → integral of the value, and its time in seconds.
    drive_output: output energy of the drive, J, and its time in seconds.
    register_wh: of the meter at start and end; None: unknown.
    """

    start_ms: int
    covered_s: float = 0.0
    energy_j: float = 0.0
    reactive_var_s: float = 0.0
    reactive_known_s: float = 0.0
    running_s: float = 0.0
    filled_wh: float = 0.0
    filled: bool = False
    cell: EnergyCell | None = None
    speed_rpm_s: float = 0.0
    speed_known_s: float = 0.0
    drivers: dict[str, tuple[float, float]] = field(default_factory=dict)
    drive_output: tuple[float, float] = (0.0, 0.0)
    flags: set[str] = field(default_factory=set)
    register_wh: tuple[int, int] | None = None
    meter: str = ""
    source: str = "measured"

    @classmethod
    def resumed(cls, stored: Interval) -> IntervalAccumulator:
        """Continues a stored interval: of an earlier run, or from before a step of the clock."""
        covered_s = LENGTH_S * stored.coverage
        running_s = covered_s if stored.running_s is None else stored.running_s
        cell = None
        if stored.shaft_wh is not None:
            cell = EnergyCell(
                0.0, covered_s, shaft_plus=3600 * stored.shaft_wh, drive=3600 * (stored.drive_loss_wh or 0.0),
                copper=3600 * (stored.motor_loss_wh or 0.0), u_drive=3600 * stored.u_drive_loss_wh,
                u_motor=3600 * stored.u_motor_loss_wh,
            )  # fmt: skip
        return cls(
            stored.start_ms, covered_s, 3600 * ((stored.energy_wh or 0.0) - stored.filled_wh),
            reactive_var_s=3600 * (stored.reactive_varh or 0.0),
            reactive_known_s=0.0 if stored.reactive_varh is None else covered_s, running_s=running_s,
            filled_wh=stored.filled_wh, filled=stored.energy_wh is not None, cell=cell,
            speed_rpm_s=(stored.speed_rpm or 0.0) * running_s,
            speed_known_s=0.0 if stored.speed_rpm is None else running_s,
            drivers={name: (driver.mean * covered_s, covered_s) for name, driver in stored.drivers.items()},
            drive_output=(0.0, 0.0) if stored.drive_output_wh is None else (3600 * stored.drive_output_wh, covered_s),
            flags=set(stored.flags), register_wh=stored.register_wh, meter=stored.meter, source=stored.source,
        )  # fmt: skip

    @property
    def end_ms(self) -> int:
        return self.start_ms + QUARTER_MS

    def add_power(self, seconds: float, w: float, var: float | None, off_w: float) -> None:
        """Adds a part of the time between two polls.

        w, var: mean active and reactive power (None: unknown). off_w: largest power of a motor at standstill.
        """
        self.covered_s += seconds
        self.energy_j += w * seconds
        if var is not None:
            self.reactive_var_s += var * seconds
            self.reactive_known_s += seconds
        if abs(w) > off_w:
            self.running_s += seconds

    def fill(self, wh: float) -> None:
        """Adds energy that the register of the meter counted during a gap."""
        self.filled_wh += wh
        self.filled = True

    def add_cell(self, cell: EnergyCell, speed_rpm: float | None) -> None:
        """Adds what the estimator measured. speed_rpm: None when unknown."""
        self.cell = cell if self.cell is None else self.cell.plus(cell)
        if speed_rpm is not None and cell.busy_s > 0:
            self.speed_rpm_s += speed_rpm * cell.busy_s
            self.speed_known_s += cell.busy_s

    def add_driver(self, name: str, value: float, seconds: float) -> None:
        """Adds the value of a driver, and the time for which it applied."""
        total, known_s = self.drivers.get(name, (0.0, 0.0))
        self.drivers[name] = total + value * seconds, known_s + seconds

    def add_drive_output(self, w: float, seconds: float) -> None:
        """Adds the output power of the drive, and the time for which it applied."""
        self.drive_output = self.drive_output[0] + w * seconds, self.drive_output[1] + seconds

    def interval(self, asset: str, meter: str, auxiliary_w: float, accuracy: Mapping[str, float]) -> Interval:
        """The interval. auxiliary_w: power of auxiliaries while the motor runs; accuracy: relative U of
        drivers.
        """
        shaft = drive = motor = None
        u_drive = u_motor = 0.0
        if (cell := self.cell) is not None and cell.seconds >= SHAFT_LEAST * max(self.covered_s, 1.0):
            scale = self.covered_s / cell.seconds / 3600 if self.covered_s > 0 else 1 / 3600
            shaft, drive = scale * (cell.shaft_plus - cell.shaft_minus), scale * cell.drive
            motor = scale * cell.motor
            u_drive, u_motor = scale * cell.u_drive, scale * cell.u_motor
        known = self.covered_s > 0 or self.filled
        reactive = self.reactive_var_s / 3600 if self.reactive_known_s >= 0.9 * self.covered_s > 0 else None
        drivers = {
            name: Driver(total / seconds, accuracy.get(name, 0.0) * abs(total / seconds))
            for name, (total, seconds) in self.drivers.items()
            if seconds >= 0.5 * self.covered_s > 0
        }
        drive_j, drive_s = self.drive_output
        output_wh = drive_j / drive_s * self.covered_s / 3600 if drive_s >= 0.5 * self.covered_s > 0 else None
        flags = self.flags | ({"clock_step"} if self.covered_s > 1.02 * LENGTH_S else set())
        return Interval(
            asset, self.start_ms, self.energy_j / 3600 + self.filled_wh if known else None,
            auxiliary_wh=auxiliary_w * self.running_s / 3600, shaft_wh=shaft, drive_loss_wh=drive, motor_loss_wh=motor,
            u_drive_loss_wh=u_drive, u_motor_loss_wh=u_motor, reactive_varh=reactive,
            speed_rpm=self.speed_rpm_s / self.speed_known_s if self.speed_known_s > 0 else None, drivers=drivers,
            coverage=self.covered_s / LENGTH_S, filled_wh=self.filled_wh, running_s=self.running_s,
            meter=meter or self.meter, register_wh=self.register_wh, flags=tuple(sorted(flags)), source=self.source,
            drive_output_wh=output_wh,
        )  # fmt: skip
