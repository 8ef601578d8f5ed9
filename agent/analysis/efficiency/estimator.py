"""Live efficiency of one motor: the method with the lowest uncertainty that the signals allow, and its interval.

Powers and losses become time series. Efficiencies are ratios of energies over one common interval, never of two polls
at different moments, and never means of ratios. Where no value can be justified it is None, and
`efficiency_unavailable_reason` states why.
"""

from __future__ import annotations

import math
from functools import reduce
from operator import or_

from agent.analysis.efficiency import reasons
from agent.analysis.efficiency.energy_window import EnergyCell, EnergyWindow
from agent.analysis.efficiency.estimates import Estimates
from agent.analysis.efficiency.flux_index import FluxMonitor
from agent.analysis.efficiency.loss_models import LossEstimate, LossSignals, on_drive, on_mains
from agent.analysis.efficiency.meter_power import meter_power_u
from agent.analysis.efficiency.nameplate import nameplate_of
from agent.analysis.efficiency.plausibility import DRIVE_POWER_U, PlausibilityChecks
from agent.analysis.efficiency.results import NAMES, ON_MAINS, EstimateTrace, compute_results, why_no_model
from agent.analysis.efficiency.sampling import RatioError, SamplingError, SamplingU
from agent.analysis.efficiency.time_series import TimeSeries
from agent.config.topology import Asset
from agent.core.usable_number import usable_number
from drivers.reading import Quality, Reading
from drivers.reasons import Reason
from dsp.efficiency import Losses
from dsp.efficiency_meter import PowerU

AGE_MAX_PERIODS = 3.0  # a source without a value for longer is not used
RECENT_S = 120.0  # longest use of a temperature, voltage or sensor value
NO_UNCERTAINTY = PowerU(0.0)
NO_SAMPLING_U = SamplingU(0.0, 0.0)
NO_SIGNALS = LossSignals(None, None, 0.0)
NO_LOSSES = Losses(0.0, 0.0, 0.0, 0.0, 0.0)
FEEDER_U = 0.05  # of the power: largest voltage drop of a cable, IEC 60364-5-52, annex G [M]; covers small auxiliaries


class Estimator:
    """Processes the readings of a motor's meter, drive and sensors; `estimates` returns the present values."""

    def __init__(self, asset: Asset, drive_kw: float | None, period_s: float = 1.0) -> None:
        if asset.motor is None:
            raise ValueError(f"{asset.name} is not a motor")
        self.asset, self.motor = asset, asset.motor
        self.nameplate = nameplate_of(asset, drive_kw)
        self._age_max_s = AGE_MAX_PERIODS * period_s + 1
        self.checks = PlausibilityChecks(asset, self.nameplate, self._age_max_s)
        self.flux = FluxMonitor(self.nameplate, self._age_max_s)
        kept_s, gap_max_s = max(15.0, 4 * period_s), max(5.0, 3.5 * period_s)
        self._input, self._output, self._losses = (TimeSeries(kept_s, gap_max_s) for _ in range(3))
        self._sampling_in, self._sampling_out = SamplingError(gap_max_s), SamplingError(gap_max_s)
        self._sampling_drive, self._sampling_motor = RatioError(gap_max_s), RatioError(gap_max_s)
        self._window = EnergyWindow(period_s, asset.drive_share, 0.02 * self.nameplate.drive_w)
        self._input_flags: dict[Quality, float] = {}  # flags of a value → time of the last one
        self._recent_values: dict[str, tuple[float, float]] = {}  # name → (time, value)
        self.signals, self._signals_s = NO_SIGNALS, -math.inf
        self.models: list[LossEstimate] = []  # lowest uncertainty first, at the last reading
        self.meter_u = NO_UNCERTAINTY
        self.trace: EstimateTrace | None = None  # of the latest estimates
        self._speed_rpm: float | None = None
        self.torque_pct: float | None = None  # estimated by the drive: used only as a check
        self._meter_silent = self._drive_silent = False  # at its last poll

    def on_meter_reading(self, reading: Reading) -> None:
        """A reading of the meter at the drive input, or at the motor when it runs direct on line.

        While the meter does not respond, estimates from its last values are stale.
        """
        self._meter_silent = Quality.NO_REPLY in reading.quality
        if self._meter_silent:
            return
        time_s, cage = reading.middle_s, self.nameplate.cage if self.asset.drive is None else None
        self.checks.on_meter_reading(reading, cage)
        power_w = self._number(reading, "active_power")
        current_a = self._number(reading, "current_avg") or self._number(reading, "current_l1")
        if power_w is not None:
            self.meter_u = self._meter_u(reading, current_a)
            self._input.add(time_s, power_w, self.meter_u.total * abs(power_w), *self._sampling_in.add(time_s, power_w))
        if self.asset.drive is not None:
            self._advance()
            return
        hz = self._number(reading, "frequency") or self.nameplate.rated_hz
        self._signals_s = time_s
        self.signals = self._with_recent(LossSignals(power_w, current_a, hz, volts_v=self._line_volts(reading)), time_s)
        self._model(time_s, on_mains(self.nameplate, self.signals), 0.0, 0.0)
        if power_w is None and self.models:
            best = self.models[0]
            self._input.add(
                time_s, best.power_w, best.u_power * best.power_w, *self._sampling_in.add(time_s, best.power_w)
            )
        self._advance()

    def on_drive_reading(self, reading: Reading) -> None:
        """A reading of the drive; while it does not respond, all estimates are stale."""
        self._drive_silent = Quality.NO_REPLY in reading.quality
        if self._drive_silent:
            return
        self.checks.on_drive_reading(reading)
        self.flux.on_reading(reading)
        current_a = self._number(reading, "motor_current")
        hz = self._number(reading, "output_frequency")
        if current_a is None or hz is None:
            return
        time_s, share = reading.middle_s, self.asset.drive_share
        power_kw, winding = self._number(reading, "motor_power"), self._number(reading, "motor_temperature")
        if winding is not None:
            self._recent_values["winding-temperature"] = time_s, winding
        if power_kw is not None:
            power_w = 1000 * power_kw
            sampling = self._sampling_out.add(time_s, power_w)
            self._output.add(time_s, power_w, DRIVE_POWER_U * abs(power_w), *sampling)
        loss_w, u_loss_w = self.nameplate.drive_losses_w(current_a, hz)
        last = self._input.last
        terminal_w = last[0] - loss_w if last and self._metered else None if power_kw is None else 1000 * power_kw
        speed = self._number(reading, "motor_speed")
        self.torque_pct = usable_number(reading, "motor_torque")
        self._signals_s = time_s
        u_drive = u_loss_w / abs(terminal_w) if terminal_w and self._metered else 0.0
        self.signals = self._with_recent(
            LossSignals(None if terminal_w is None else terminal_w * share, current_a * share, abs(hz)), time_s
        )
        self.signals = self.signals._replace(u_power=math.hypot(self.signals.u_power, u_drive))
        self._speed_rpm = abs(speed) if speed else 120 * abs(hz) / self.motor.poles
        self._model(time_s, on_drive(self.nameplate, self.signals), loss_w, u_loss_w)
        self._advance()

    def on_signal_reading(self, reading: Reading) -> None:
        """A reading of sensors of the plant: shaft torque (Nm), shaft speed (rpm), winding temperature (°C)."""
        for signal in self.asset.signals:
            if signal.measures and (value := self._number(reading, signal.metric.name)) is not None:
                self._recent_values[signal.measures] = reading.middle_s, value

    def on_gap_ratio(self, time_s: float, ratio: float) -> None:
        """Shaft over input power by the air-gap torque (method M7), from waveforms at the terminals."""
        self._recent_values["gap-ratio"] = time_s, ratio

    def estimates(self, now_s: float) -> Estimates:
        """All metrics of NAMES that this motor can have at now_s (monotonic); None where no value can be justified."""
        result = Estimates(dict.fromkeys(ON_MAINS if self.asset.drive is None else NAMES))
        self._forget(now_s)
        if self.asset.meter and not self.asset.shared:
            result.values["meter_wiring"] = self.checks.wiring.text
            result.reasons["meter_wiring"] = [fault.reason for fault in self.checks.wiring.faults]
        if self.motor.kind == "pm":
            known = now_s - self.checks.back_emf_s <= self._age_max_s
            result.values["back_emf"] = self.checks.back_emf if known else "unknown"
            if self.checks.back_emf and not known:
                result.flags["back_emf"] = Quality.STALE
        self.flux.put(result, now_s)
        source = self._source()
        window = self._window.result(source, now_s, self._age_max_s)
        reason = self.checks.withheld or self._missing()
        self.trace = EstimateTrace(
            self.asset, self.motor, self.nameplate, reason, window, self.models, self.meter_u, self.signals,
            self.speed_rpm, source is self._output,
        )  # fmt: skip
        if reason or window is None:
            unmodelled = why_no_model(self.trace) if self.asset.drive is None and not self.models else None
            result.withhold(reason or unmodelled or reasons.WARMING_UP())
            if reason:
                self._window.clear()
            else:
                result.flags |= dict.fromkeys(result.values, Quality.WARMING_UP)
            return result
        conditions = (
            (source is self._output, Quality.SUBSTITUTED),
            (self.asset.drive_share < 1, Quality.ALLOCATED),
            (not window.complete, Quality.WARMING_UP),
            (self._drive_silent or (self._meter_silent and source is self._input), Quality.STALE),
        )
        flags = [flag for holds, flag in conditions if holds] + list(self._input_flags)
        compute_results(result, self.trace, window, reduce(or_, flags, Quality.GOOD))
        return result

    def new_energies(self) -> list[EnergyCell]:
        """Energies since the last call, for counters; none while the efficiency is withheld."""
        cells = self._window.new_cells()
        return [] if self.checks.withheld else cells

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
        return self._input if self.asset.drive is None or self._metered else self._output

    def _advance(self) -> None:
        source = self._source()
        self._window.advance(source, self._losses, add_drive=source is self._output)

    def _model(self, time_s: float, found: list[LossEstimate], drive_w: float, u_drive_w: float) -> None:
        self.models = found
        if not found and self.asset.drive is None:
            return
        losses = found[0].losses if found else NO_LOSSES  # the losses of the drive are still known
        power_w = found[0].power_w if found else 0.0
        drive_sampling = NO_SAMPLING_U
        if self.asset.drive is not None:
            drive_sampling = self._sampling_drive.add(time_s, drive_w, power_w / self.asset.drive_share + drive_w)
        motor_sampling = self._sampling_motor.add(time_s, losses.total_w, power_w)
        self._losses.add(time_s, drive_w, u_drive_w, *losses, *drive_sampling, *motor_sampling)

    def _missing(self) -> Reason | None:
        if self.asset.drive is not None:
            return None if self._losses.last else reasons.DRIVE_SILENT()
        if self.asset.shared:
            return reasons.METER_SHARED()
        if self.motor.kind == "pm":
            return reasons.DRIVE_MISSING()
        return None if self._input.last else reasons.METER_SILENT()

    def _forget(self, now_s: float) -> None:
        for series in (self._input, self._output, self._losses):
            if series.span and now_s - series.span[1] > self._age_max_s:
                series.clear()
        if now_s - self._signals_s > self._age_max_s:  # the last values are no longer present values
            self.signals, self.models, self._speed_rpm, self.torque_pct = NO_SIGNALS, [], None, None
        self._input_flags = {flag: time_s for flag, time_s in self._input_flags.items() if time_s >= now_s - 60}

    def _meter_u(self, reading: Reading, current_a: float | None) -> PowerU:
        meter = self.asset.meter
        assert meter is not None
        parts = meter_power_u(meter, reading, current_a)
        return parts._replace(feeder=FEEDER_U) if meter.measuring_point == "feeder" else parts

    def _line_volts(self, reading: Reading) -> float | None:
        if (volts := self._number(reading, "voltage_ll_avg")) is not None:
            return volts
        phases = [self._number(reading, f"voltage_l{k}n") for k in (1, 2, 3)]
        known = [value for value in phases if value]
        if known:
            self._recent_values["volts"] = reading.middle_s, math.sqrt(3) * sum(known) / len(known)
        return self._recent("volts", reading.middle_s)

    def _with_recent(self, signals: LossSignals, now_s: float) -> LossSignals:
        return signals._replace(
            speed_rpm=self._recent("shaft-speed", now_s), winding_degc=self._recent("winding-temperature", now_s),
            shaft_nm=self._recent("shaft-torque", now_s), gap_ratio=self._recent("gap-ratio", now_s),
            u_power=self.meter_u.total if self.asset.drive is None or self._metered else DRIVE_POWER_U,
        )  # fmt: skip

    def _recent(self, name: str, now_s: float) -> float | None:
        found = self._recent_values.get(name)
        return found[1] if found and now_s - found[0] < RECENT_S else None

    def _number(self, reading: Reading, name: str) -> float | None:
        """A usable number, its flags recorded; None when it is missing or bad."""
        value = usable_number(reading, name)
        if value is not None and (flag := reading.flags.get(name)):
            self._input_flags[flag] = reading.middle_s
        return value
