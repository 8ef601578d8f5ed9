"""Live efficiency of one motor: the method with the lowest uncertainty that the signals allow, and its interval.

Powers and losses become time series. Efficiencies are ratios of energies over one common interval, never of two polls
at different moments, and never means of ratios. Where no value can be justified it is None, and
`efficiency_unavailable_reason` states why.
"""

from __future__ import annotations

import math
from collections import deque

from agent.analysis.efficiency import reasons
from agent.analysis.efficiency.energy_window import LONG_S, EnergyCell, EnergyWindow
from agent.analysis.efficiency.estimates import Estimates
from agent.analysis.efficiency.flux_index import FluxMonitor
from agent.analysis.efficiency.loss_models import LossEstimate, LossSignals, on_drive, on_mains
from agent.analysis.efficiency.nameplate import facts
from agent.analysis.efficiency.plausibility import DRIVE_POWER_U, PlausibilityChecks
from agent.analysis.efficiency.results import NAMES, ON_MAINS, EstimateTrace, fill, why_no_model
from agent.analysis.efficiency.time_series import TimeSeries
from agent.config.topology import Asset
from agent.core.usable_number import usable_number
from drivers.reading import Quality, Reading
from drivers.reasons import Reason
from dsp.efficiency_meter import PowerU, power_u_parts

FRESH_PERIODS = 3.0  # a source without a value for longer is not used
SLOW_S = 120.0  # longest use of a temperature, voltage or sensor value
NOTHING = PowerU(0.0, 0.0, 0.0)
NO_SIGNALS = LossSignals(None, None, 0.0)
FEEDER_U = 0.05  # of the power: largest voltage drop of a cable, IEC 60364-5-52, annex G [M]; covers small auxiliaries


class Estimator:
    """Processes the readings of a motor's meter, drive and sensors; `estimates` returns the present values."""

    def __init__(self, asset: Asset, drive_kw: float | None, period_s: float = 1.0) -> None:
        if asset.motor is None:
            raise ValueError(f"{asset.name} is not a motor")
        self.asset, self.motor = asset, asset.motor
        self.facts = facts(asset, drive_kw)
        self._fresh_s = FRESH_PERIODS * period_s + 1
        self.guard = PlausibilityChecks(asset, self.facts, self._fresh_s)
        self.flux = FluxMonitor(self.facts, self._fresh_s)
        hole_s = max(5.0, 3.5 * period_s)
        keep_s = max(15.0, 4 * period_s)
        self._input, self._output, self._losses = (TimeSeries(keep_s, hole_s) for _ in range(3))
        self._window = EnergyWindow(period_s, asset.drive_share, 0.02 * self.facts.drive_w)
        self._input_flags: deque[tuple[float, Quality]] = deque()
        self._slow: dict[str, tuple[float, float]] = {}  # name → (time, value)
        self.signals, self._signals_s = NO_SIGNALS, -math.inf
        self.choice: list[LossEstimate] = []  # lowest uncertainty first, at the last reading
        self.meter_u = NOTHING
        self.outcome: EstimateTrace | None = None
        self._speed_rpm: float | None = None
        self.torque_pct: float | None = None  # estimated by the drive: used only as a check
        self._meter_silent = self._drive_silent = False  # at its last poll

    def on_meter_reading(self, reading: Reading) -> None:
        """A reading of the meter at the drive input, or at the motor when it runs direct on line."""
        self._meter_silent = False
        time_s, cage = reading.middle_s, self.facts.cage if self.asset.drive is None else None
        self.guard.on_meter_reading(reading, cage)
        power_w = self._number(reading, "active_power")
        current_a = self._number(reading, "current_avg") or self._number(reading, "current_l1")
        if power_w is not None:
            self.meter_u = self._meter_u(reading, current_a)
            self._input.add(time_s, power_w, self.meter_u.total * abs(power_w))
        if self.asset.drive is not None:
            self._advance()
            return
        hz = self._number(reading, "frequency") or self.facts.rated_hz
        self._signals_s = time_s
        self.signals = self._with_slow(LossSignals(power_w, current_a, hz, volts_v=self._line_volts(reading)), time_s)
        self._model(time_s, on_mains(self.facts, self.signals), 0.0, 0.0)
        if power_w is None and self.choice:
            best = self.choice[0]
            self._input.add(time_s, best.power_w, best.u_power * best.power_w)
        self._advance()

    def on_drive_reading(self, reading: Reading) -> None:
        self._drive_silent = False
        self.guard.on_drive_reading(reading)
        self.flux.on_reading(reading)
        current_a = self._number(reading, "motor_current")
        hz = self._number(reading, "output_frequency")
        if current_a is None or hz is None:
            return
        time_s, share = reading.middle_s, self.asset.drive_share
        power_kw, winding = self._number(reading, "motor_power"), self._number(reading, "motor_temperature")
        if winding is not None:
            self._slow["winding-temperature"] = time_s, winding
        if power_kw is not None:
            self._output.add(time_s, 1000 * power_kw, DRIVE_POWER_U * 1000 * abs(power_kw))
        loss_w, u_loss_w = self.facts.drive_losses_w(current_a, hz)
        last = self._input.last
        terminal_w = last[0] - loss_w if last and self._metered else None if power_kw is None else 1000 * power_kw
        speed = self._number(reading, "motor_speed")
        self.torque_pct = usable_number(reading, "motor_torque")
        self._signals_s = time_s
        u_drive = u_loss_w / abs(terminal_w) if terminal_w and self._metered else 0.0
        self.signals = self._with_slow(
            LossSignals(None if terminal_w is None else terminal_w * share, current_a * share, abs(hz)), time_s
        )
        self.signals = self.signals._replace(u_power=math.hypot(self.signals.u_power, u_drive))
        self._speed_rpm = abs(speed) if speed else 120 * abs(hz) / self.motor.poles
        self._model(time_s, on_drive(self.facts, self.signals), loss_w, u_loss_w)
        self._advance()

    def on_meter_silence(self) -> None:
        """The meter did not respond. Estimates from its last values are stale until it responds."""
        self._meter_silent = True

    def on_drive_silence(self) -> None:
        """The drive did not respond; see on_meter_silence."""
        self._drive_silent = True

    def on_signal_reading(self, reading: Reading) -> None:
        """A reading of sensors of the plant: shaft torque (Nm), shaft speed (rpm), winding temperature (°C)."""
        for signal in self.asset.signals:
            if signal.measures and (value := self._number(reading, signal.metric.name)) is not None:
                self._slow[signal.measures] = reading.middle_s, value

    def on_gap_ratio(self, time_s: float, ratio: float) -> None:
        """Shaft over input power by the air-gap torque (method M7), from waveforms at the terminals."""
        self._slow["gap-ratio"] = time_s, ratio

    def estimates(self, now_s: float) -> Estimates:
        """All metrics of NAMES that this motor can have at now_s (monotonic); None where no value can be justified."""
        result = Estimates(dict.fromkeys(ON_MAINS if self.asset.drive is None else NAMES))
        self._forget(now_s)
        if self.asset.meter and not self.asset.shared:
            result.values["meter_wiring"] = self.guard.wiring.text
            result.reasons["meter_wiring"] = [fault.reason for fault in self.guard.wiring.faults]
        if self.motor.kind == "pm":
            known = now_s - self.guard.live_s <= self._fresh_s
            result.values["back_emf"] = self.guard.live if known else "unknown"
            if self.guard.live and not known:
                result.flags["back_emf"] = Quality.STALE
        self.flux.put(result, now_s)
        source = self._source()
        over = self._window.result(source, now_s, self._fresh_s)
        reason = self.guard.withheld or self._missing()
        self.outcome = outcome = EstimateTrace(
            self.asset, self.motor, self.facts, reason, over, self.choice, self.meter_u, self.signals, self.speed_rpm,
            source is self._output,
        )  # fmt: skip
        if reason or over is None:
            unmodelled = why_no_model(outcome) if self.asset.drive is None and not self.choice else None
            result.withhold(reason or unmodelled or reasons.WARMING_UP())
            if reason:
                self._window.clear()
            else:
                result.flags |= dict.fromkeys(result.values, Quality.WARMING_UP)
            return result
        flag = Quality.GOOD
        if source is self._output:
            flag |= Quality.SUBSTITUTED
        if self.asset.drive_share < 1:
            flag |= Quality.ALLOCATED
        if not over.complete:
            flag |= Quality.WARMING_UP
        if self._drive_silent or (self._meter_silent and source is self._input):
            flag |= Quality.STALE
        for _, flags in self._input_flags:
            flag |= flags
        fill(result, outcome, over, flag)
        return result

    def new_energies(self) -> list[EnergyCell]:
        """Energies since the last call, for counters; none while the efficiency is withheld."""
        cells = self._window.new_cells()
        return [] if self.guard.withheld else cells

    @property
    def speed_rpm(self) -> float | None:
        return self._speed_rpm if self.asset.drive is not None else self.signals.speed_rpm

    @property
    def drive_power_w(self) -> float | None:
        """Output power that the drive reports, W."""
        return self._output.last[0] if self._output.last else None

    @property
    def _metered(self) -> bool:
        return self.asset.meter is not None and not self.asset.shared and self._input.span is not None

    def _source(self) -> TimeSeries:
        """Power of the meter; where it does not respond or measures other motors too, the output power of the drive."""
        if self.asset.drive is None or self._metered:
            return self._input
        return self._output

    def _advance(self) -> None:
        source = self._source()
        self._window.advance(source, self._losses, add_drive=source is self._output)

    def _model(self, time_s: float, found: list[LossEstimate], drive_w: float, u_drive_w: float) -> None:
        self.choice = found
        if found:
            losses = found[0].losses
            self._losses.add(time_s, drive_w, u_drive_w, *losses[:4], losses.u_w)
        elif self.asset.drive is not None:  # the losses of the drive are still known
            self._losses.add(time_s, drive_w, u_drive_w, 0.0, 0.0, 0.0, 0.0, 0.0)

    def _missing(self) -> Reason | None:
        if self.asset.shared and self.asset.drive is None:
            return reasons.METER_SHARED()
        if self.asset.drive is None and self.motor.kind == "pm":
            return reasons.DRIVE_MISSING()
        if self.asset.drive is not None and not self._losses.last:
            return reasons.DRIVE_SILENT()
        if self.asset.drive is None and not self._input.last:
            return reasons.METER_SILENT()
        return None

    def _forget(self, now_s: float) -> None:
        for trace in (self._input, self._output, self._losses):
            if trace.span and now_s - trace.span[1] > self._fresh_s:
                trace.clear()
        if now_s - self._signals_s > self._fresh_s:  # the last values are no longer present values
            self.signals, self.choice, self._speed_rpm, self.torque_pct = NO_SIGNALS, [], None, None
        while self._input_flags and self._input_flags[0][0] < now_s - 60:
            self._input_flags.popleft()
        while len(self._input_flags) > 3 * LONG_S:
            self._input_flags.popleft()

    def _meter_u(self, reading: Reading, current_a: float | None) -> PowerU:
        meter = self.asset.meter
        assert meter is not None
        relative = current_a / meter.ct[0] if current_a is not None and meter.ct else 1.0
        ct_class = (meter.ct_class or "1") if meter.ct else None
        pf = usable_number(reading, "cos_phi") or usable_number(reading, "power_factor") or 0.85
        parts = power_u_parts(meter.accuracy_class, ct_class, pf, relative)
        return parts._replace(feeder=FEEDER_U) if meter.measuring_point == "feeder" else parts

    def _line_volts(self, reading: Reading) -> float | None:
        if (volts := self._number(reading, "voltage_ll_avg")) is not None:
            return volts
        phases = [self._number(reading, f"voltage_l{k}n") for k in (1, 2, 3)]
        known = [value for value in phases if value]
        if known:
            self._slow["volts"] = reading.middle_s, math.sqrt(3) * sum(known) / len(known)
        return self._recent("volts", reading.middle_s)

    def _with_slow(self, signals: LossSignals, now_s: float) -> LossSignals:
        return signals._replace(
            speed_rpm=self._recent("shaft-speed", now_s), winding_degc=self._recent("winding-temperature", now_s),
            shaft_nm=self._recent("shaft-torque", now_s), gap_ratio=self._recent("gap-ratio", now_s),
            u_power=self.meter_u.total if self.asset.drive is None or self._metered else DRIVE_POWER_U,
        )  # fmt: skip

    def _recent(self, name: str, now_s: float) -> float | None:
        found = self._slow.get(name)
        return found[1] if found and now_s - found[0] < SLOW_S else None

    def _number(self, reading: Reading, name: str) -> float | None:
        """A usable number, its flags recorded; None when it is missing or bad."""
        value = usable_number(reading, name)
        if value is not None and (flag := reading.flags.get(name)):
            self._input_flags.append((reading.middle_s, flag))
        return value
