"""Efficiency of one motor, live: which method fits the signals at hand, over which interval, and how sure.

Powers and losses become traces; efficiencies are ratios of energies over one common interval, never of two polls that
were taken at different moments. Where nothing honest can be said the value is None.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from agent.topology import Asset
from agent.trace import Trace
from drivers.reading import BAD, Quality, Reading
from dsp import efficiency as eff
from dsp import efficiency_drive as drives
from dsp import efficiency_induction as im
from dsp import efficiency_magnet as pm
from dsp.efficiency_meter import power_u
from dsp.tables import converter_fed, ie_efficiency, poles_of_speed, reference_drive_loss_w

STEADY_S, CHANGING_S, SHORTEST_S = 10.0, 60.0, 0.9
CHANGING_SPREAD = 0.10  # (max − min) / mean of the input power in the short window
DRIVE_POWER_U = 0.10  # U (k = 2) of a drive's own output power [M: ±5 % seen, no standard states a tolerance]
FRESH_PERIODS = 3.0  # a source that is silent for longer does not exist
OFF = 0.02  # of rated power: below it the motor counts as standing
CURRENT_U = 0.06  # U (k = 2) of losses that go with a drive's own current reading (±3 %)

NAMES = (
    "drive_efficiency_pct", "motor_efficiency_pct", "system_efficiency_pct", "drive_losses_w", "motor_losses_w",
    "motor_input_power_w", "shaft_power_w", "shaft_torque_nm", "motor_load_pct",
)  # fmt: skip


@dataclass(slots=True)
class Estimates:
    values: dict[str, float | None] = field(default_factory=dict)
    uncertainties: dict[str, float] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)
    flags: dict[str, Quality] = field(default_factory=dict)

    def put(self, name: str, estimate: eff.Estimate | None, scale: float = 1.0) -> None:
        if estimate is None:
            self.values[name] = None
            return
        self.values[name] = estimate.value * scale
        self.uncertainties[name] = estimate.u * scale
        self.methods[name] = estimate.method


class Estimator:
    """Takes the readings of a motor's meter and drive as they come; `estimates` gives what is known now."""

    def __init__(self, asset: Asset, drive_kw: float | None, period_s: float = 1.0) -> None:
        if asset.motor is None:
            raise ValueError(f"{asset.name} is not a motor")
        self.asset, self.motor = asset, asset.motor
        self._input, self._output = Trace(CHANGING_S + 5), Trace(CHANGING_S + 5)  # W into the system, out of the drive
        self._drive_loss, self._motor_loss = Trace(CHANGING_S + 5), Trace(CHANGING_S + 5)
        self._shaft = Trace(CHANGING_S + 5)  # method M1
        self._fresh_s = FRESH_PERIODS * period_s + 1
        self._doubts: deque[tuple[float, Quality]] = (
            deque()
        )  # flags of the inputs, as long as they are inside an interval
        self._speed_rpm: float | None = None
        self._meter_u = 0.0
        self._rated_efficiency = _rated_efficiency(asset)
        self._rating = self._pm_rating()
        self._drive_kw = drive_kw or self.motor.kw
        factor, self._drive_loss_u = drives.drive_class_factor(asset.drive.efficiency_class if asset.drive else None)
        self._drive_reference_w = reference_drive_loss_w(self._drive_kw) * factor

    def take_meter(self, reading: Reading) -> None:
        """The meter before the drive, or at the motor when it runs direct on line."""
        power_w = self._number(reading, "active_power")
        if power_w is None:
            return
        time_s = reading.middle_s
        meter = self.asset.meter
        assert meter is not None
        current = self._number(reading, "current_l1")
        relative = current / meter.ct[0] if current is not None and meter.ct else 1.0
        ct_class = (meter.ct_class or "1") if meter.ct else None
        self._meter_u = power_u(meter.accuracy_class, ct_class, self._number(reading, "power_factor") or 0.85, relative)
        self._input.add(time_s, power_w)
        if self.asset.drive is None and self._rated_efficiency is not None:
            self._shaft.add(time_s, im.m1_shaft_power_w(power_w, self.motor.kw * 1000, self._rated_efficiency))

    def take_drive(self, reading: Reading) -> None:
        current_a = self._number(reading, "motor_current")
        frequency_hz = self._number(reading, "output_frequency")
        if current_a is None or frequency_hz is None:
            return
        time_s = reading.middle_s
        rated_a = self._rated_current_a()
        drive_a = rated_a * self._drive_kw / self.motor.kw
        rated_hz = self._rated_hz()
        self._drive_loss.add(
            time_s, drives.drive_loss_w(self._drive_reference_w, current_a / drive_a, frequency_hz / rated_hz)
        )
        if (power_kw := self._number(reading, "motor_power")) is not None:
            self._output.add(time_s, power_kw * 1000)
        if self._rating is not None:
            share = self.asset.drive_share
            winding = self._number(reading, "motor_temperature")
            losses = pm.pm_losses(self._rating, current_a * share, frequency_hz, winding)
            self._motor_loss.add(time_s, losses.total_w)
        speed = self._number(reading, "motor_speed")
        self._speed_rpm = abs(speed) if speed else 120 * abs(frequency_hz) / self.motor.poles

    def estimates(self, now_s: float) -> Estimates:
        """Every name of NAMES that this motor can have, None where nothing honest can be said at now_s (monotonic)."""
        result = Estimates()
        for trace in (self._input, self._output, self._drive_loss, self._motor_loss, self._shaft):
            if trace.span and now_s - trace.span[1] > self._fresh_s:
                trace.clear()
        while self._doubts and self._doubts[0][0] < now_s - CHANGING_S:
            self._doubts.popleft()
        if self.asset.drive is None:
            self._direct_on_line(result)
        else:
            self._on_drive(result)
        doubt = Quality.GOOD
        for _, flag in self._doubts:
            doubt |= flag
        _flag_all(result, doubt)
        return result

    def _number(self, reading: Reading, name: str) -> float | None:
        """A usable number, its doubts remembered; None when it is missing or bad."""
        value, flag = reading.values.get(name), reading.flags.get(name, Quality.GOOD)
        if not isinstance(value, int | float) or not math.isfinite(value) or flag & BAD:
            return None
        if flag:
            self._doubts.append((reading.middle_s, flag))
        return float(value)

    def _direct_on_line(self, result: Estimates) -> None:
        result.values = dict.fromkeys(
            ("motor_efficiency_pct", "system_efficiency_pct", "motor_losses_w", "shaft_power_w", "motor_load_pct")
        )
        if self.motor.kind != "induction" or self.asset.shared:
            return
        interval = self._interval(self._input, self._shaft)
        if interval is None:
            _warm_up(result)
            return
        start_s, end_s, flag = interval
        length_s = end_s - start_s
        in_w = self._input.integral(start_s, end_s) / length_s
        out_w = self._shaft.integral(start_s, end_s) / length_s
        load = out_w / (1000 * self.motor.kw)
        u = im.m1_u(load)
        if u is None or not 0 < out_w < in_w:
            return
        efficiency = out_w / in_w
        estimate = eff.Estimate(efficiency, math.hypot(u, (1 - efficiency) * self._meter_u), eff.M1)
        result.put("motor_efficiency_pct", estimate, 100)
        result.put("system_efficiency_pct", estimate, 100)
        shaft = eff.Estimate(out_w, math.hypot(u * in_w, self._meter_u * out_w), eff.M1)
        result.put("motor_losses_w", eff.Estimate(in_w - out_w, u * in_w, eff.M1))
        result.put("shaft_power_w", shaft)
        result.put("motor_load_pct", shaft, 0.1 / self.motor.kw)
        _flag_all(result, flag)

    def _on_drive(self, result: Estimates) -> None:
        result.values = dict.fromkeys(NAMES)
        shared, drive_share = self.asset.shared, self.asset.drive_share
        measured = self.asset.meter is not None and not shared
        source = self._input if measured and self._input.span else self._output
        interval = self._interval(source, self._drive_loss)
        if interval is None:
            _warm_up(result)
            return
        start_s, end_s, flag = interval
        length_s = end_s - start_s
        drive_loss_w = self._drive_loss.integral(start_s, end_s) / length_s
        power_w = source.integral(start_s, end_s) / length_s
        in_w, in_u = (power_w, self._meter_u) if source is self._input else (power_w + drive_loss_w, DRIVE_POWER_U)
        if in_w < OFF * 1000 * self._drive_kw:
            return
        drive = eff.from_losses(in_w, drive_loss_w, self._drive_loss_u, in_u, drives.CLASS)
        result.put("drive_efficiency_pct", drive, 100)
        result.put("drive_losses_w", eff.Estimate(drive_loss_w, drive_loss_w * self._drive_loss_u, drives.CLASS))
        motor_in = eff.shaft_power(in_w, drive_loss_w, self._drive_loss_u, in_u, drives.CLASS)
        motor_in = eff.Estimate(motor_in.value * drive_share, motor_in.u * drive_share, motor_in.method)
        result.put("motor_input_power_w", motor_in)
        if self._rating is not None and self._motor_loss.span and motor_in.value > 0:
            motor_loss_w = self._motor_loss.integral(start_s, end_s) / length_s
            loss_u = math.hypot(0.25 if self._rating.r1_ohm is not None else 0.30, CURRENT_U)
            out_w = motor_in.value - motor_loss_w
            if out_w >= eff.LOAD_MIN * 1000 * self.motor.kw:
                motor = eff.from_losses(motor_in.value, motor_loss_w, loss_u, motor_in.u / motor_in.value, eff.M5)
                result.put("motor_efficiency_pct", motor, 100)
                result.put("motor_losses_w", eff.Estimate(motor_loss_w, motor_loss_w * loss_u, eff.M5))
                both_w = drive_loss_w * drive_share + motor_loss_w
                both_u = math.hypot(drive_loss_w * drive_share * self._drive_loss_u, motor_loss_w * loss_u) / both_w
                result.put(
                    "system_efficiency_pct", eff.from_losses(in_w * drive_share, both_w, both_u, in_u, eff.M5), 100
                )
                shaft = eff.shaft_power(in_w * drive_share, both_w, both_u, in_u, eff.M5)
                result.put("shaft_power_w", shaft)
                result.put("motor_load_pct", shaft, 0.1 / self.motor.kw)
                if self._speed_rpm:
                    result.put("shaft_torque_nm", shaft, 60 / (2 * math.pi * self._speed_rpm))
        if source is not self._input:
            flag |= Quality.SUBSTITUTED
        if drive_share < 1:
            flag |= Quality.ALLOCATED
        _flag_all(result, flag)

    def _interval(self, *traces: Trace) -> tuple[float, float, Quality] | None:
        """The interval that all traces cover: 10 s, or 60 s while the load changes fast; None before 0.9 s of it."""
        spans = [trace.span for trace in traces]
        if any(span is None for span in spans):
            return None
        first_s = max(span[0] for span in spans if span)
        end_s = min(span[1] for span in spans if span)
        wanted_s = CHANGING_S if traces[0].spread(end_s - STEADY_S, end_s) > CHANGING_SPREAD else STEADY_S
        start_s = max(first_s, end_s - wanted_s)
        if end_s - start_s < SHORTEST_S:
            return None
        return start_s, end_s, Quality.GOOD if end_s - start_s > 0.9 * wanted_s else Quality.WARMING_UP

    def _pm_rating(self) -> pm.PmRating | None:
        if self.motor.kind != "pm" or self._rated_efficiency is None:
            return None
        rated_w = self.motor.kw * 1000
        loss_w = rated_w * (1 / self._rated_efficiency - 1)
        return pm.PmRating(rated_w, loss_w, self._rated_current_a(), self._rated_hz(), self.motor.r1_ohm)

    def _rated_hz(self) -> float:
        """Electrical frequency at rated speed; an induction motor's slip is taken off by rounding to its pole pairs."""
        hz = self.motor.rpm * self.motor.poles / 120
        return hz if self.motor.kind == "pm" else float(round(hz * 1.02 / 5) * 5)

    def _rated_current_a(self) -> float:
        motor = self.motor
        if motor.amps is not None:
            return motor.amps
        cos_phi = 0.95 if motor.kind == "pm" else 0.86
        return motor.kw * 1000 / (math.sqrt(3) * motor.volts * (self._rated_efficiency or 0.93) * cos_phi)


def _rated_efficiency(asset: Asset) -> float | None:
    """Fraction, from the nameplate, else from the declared class; None when neither is known."""
    motor = asset.motor
    assert motor is not None
    if motor.efficiency_pct is not None:
        return motor.efficiency_pct / 100
    if motor.efficiency_class is None:
        return None
    on_drive = asset.drive is not None
    try:
        poles = poles_of_speed(motor.rpm) if motor.kind == "pm" else motor.poles
        limit = ie_efficiency(motor.efficiency_class, motor.kw, poles)
    except ValueError:
        return None
    return converter_fed(limit, motor.kw) if on_drive else limit


def _flag_all(result: Estimates, flag: Quality) -> None:
    if flag:
        for name, value in result.values.items():
            if value is not None:
                result.flags[name] = result.flags.get(name, Quality.GOOD) | flag


def _warm_up(result: Estimates) -> None:
    result.flags |= dict.fromkeys(result.values, Quality.WARMING_UP)
