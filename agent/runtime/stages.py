"""The stages of the pipeline.

To add one, write a class, here or in another file, and name its factory in agent/runtime/assembly.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.analysis.efficiency.allocation import Allocation, of_drive
from agent.analysis.efficiency.energy_counters import EnergyCounters
from agent.analysis.efficiency.estimator import Estimator
from agent.analysis.efficiency.explain import explanation
from agent.analysis.efficiency.reasons import METER_WIRING_CORRECT
from agent.config.model import Motor
from agent.core.text import as_object
from agent.runtime.stage import DeviceRole, MotorReading, Stage, StageContext, TelemetryRow
from drivers.reading import Quality, Waveform
from dsp.wiring import OK, UNKNOWN

if TYPE_CHECKING:
    from agent.analysis.efficiency.airgap_torque import AirgapTorque
    from agent.savings.tracking.tracker import SavingsTracker

EXPLAIN_S = 30.0  # between two `explain` messages


class EfficiencyStage(Stage):
    """Efficiency, losses and energies, with the check of the meter's wiring.

    explain_s: interval between two `explain` messages. The end of the warming up is explained without waiting for it:
    the telemetry then has an efficiency.
    """

    def __init__(self, context: StageContext, explain_s: float = EXPLAIN_S) -> None:
        self._asset, self._explain_s = context.asset, explain_s
        self._disabled = [as_object(reason) for reason in context.disabled]
        self._estimator = Estimator(context.asset, context.drive_kw, context.period_s)
        self._airgap_torque = self._airgap_torque_of(context.asset.motor)
        self._explained_ns = 0  # monotonic time of the last `explain` message
        self._explained_warming_up = False  # whether that message states too few readings
        self._wiring = ""  # in the last event

    def on_reading(self, item: MotorReading) -> None:
        if item.role is DeviceRole.METER and not self._asset.shared:
            self._estimator.on_meter_reading(item.reading)
        elif item.role is DeviceRole.DRIVE:
            self._estimator.on_drive_reading(item.reading)
        elif item.role is DeviceRole.SIGNALS:
            self._estimator.on_signal_reading(item.reading)

    def on_waveform(self, block: Waveform, now_s: float) -> None:
        if self._airgap_torque is not None and (ratio := self._airgap_torque.ratio(block)) is not None:
            self._estimator.on_gap_ratio(now_s, ratio)

    def on_row(self, row: TelemetryRow) -> None:
        estimator = self._estimator
        estimates = estimator.estimates(row.now_s)
        row.put(estimates.values)
        row.put_uncertainties(estimates.uncertainties)
        row.methods |= estimates.methods
        row.flags |= estimates.flags
        row.reasons |= estimates.reasons
        row.energies, row.speed_rpm = estimator.new_energies(), estimator.speed_rpm
        row.withheld = estimator.checks.withheld
        if self._asset.meter is not None and not self._asset.shared:
            self._report_wiring(row)
        warming_up = estimator.trace is None or estimator.trace.window is None
        ended = self._explained_warming_up and not warming_up
        if ended or not self._explained_ns or row.now_ns - self._explained_ns >= self._explain_s * 1e9:
            self._explained_ns, self._explained_warming_up = row.now_ns, warming_up
            row.retained["explain"] = explanation(estimator) | {"disabled_registers": self._disabled}

    def _report_wiring(self, row: TelemetryRow) -> None:
        wiring = self._estimator.checks.wiring
        if wiring.text in (UNKNOWN, self._wiring):
            return
        if wiring.text != OK:
            row.add_event("meter_wiring", [fault.reason for fault in wiring.faults])
        elif self._wiring:
            row.add_event("meter_wiring_ok", [METER_WIRING_CORRECT()])
        self._wiring = wiring.text

    def _airgap_torque_of(self, motor: Motor | None) -> AirgapTorque | None:
        if motor is None or motor.waveform is None or motor.waveform.measuring_point != "motor" or not motor.r1_ohm:
            return None
        from agent.analysis.efficiency.airgap_torque import AirgapTorque  # imports numpy

        return AirgapTorque(self._estimator.nameplate.cage)


def allocation_stage(context: StageContext) -> Stage | None:
    return AllocationStage(context) if context.asset.shared else None


class AllocationStage(Stage):
    """The part of one motor in a meter or a drive that several motors share."""

    def __init__(self, context: StageContext) -> None:
        asset = context.asset
        self._drive_share = asset.drive_share
        self._drives = {branch.drive for branch in asset.branches}
        self._counter = f"energy_allocated/{asset.name}"
        self._stored_wh = context.counters.get(self._counter, 0)
        self._meter = Allocation(asset, self._stored_wh / 1000) if asset.meter is not None else None

    def on_reading(self, item: MotorReading) -> None:
        if self._meter is not None and item.reading.device in self._drives:
            self._meter.on_drive_reading(item.reading)
        if self._meter is not None and item.role is DeviceRole.METER:
            item.values, item.flags = self._meter.on_meter_reading(item.reading)
        elif item.role is DeviceRole.DRIVE and self._drive_share < 1:
            item.values, item.flags = of_drive(item.reading, self._drive_share)

    def on_row(self, row: TelemetryRow) -> None:
        if self._meter is None:
            return
        row.put({"energy_allocated_kwh": self._meter.energy_kwh})
        row.flags["energy_allocated_kwh"] = Quality.ALLOCATED
        if (energy_wh := round(1000 * self._meter.energy_kwh)) != self._stored_wh:
            row.counters[self._counter] = self._stored_wh = energy_wh


class CounterStage(Stage):
    """Energy counters, and the events of the meter's registers."""

    def __init__(self, context: StageContext) -> None:
        motor = context.asset.motor
        assert motor is not None
        largest_w = 1000 * (context.drive_kw or motor.kw) / 0.9
        self._counters = EnergyCounters(context.asset, largest_w, context.counters)

    def on_reading(self, item: MotorReading) -> None:
        if item.responded and item.role is DeviceRole.METER:
            self._counters.on_meter_reading(item.reading)

    def on_row(self, row: TelemetryRow) -> None:
        counters = self._counters
        counters.add_cells(row.energies, row.now_s)
        row.values |= counters.values()
        row.put_uncertainties(counters.uncertainties())
        row.counters |= counters.changed()
        for kind, reasons in counters.new_events():
            row.add_event(kind, reasons)


class SavingsStage(Stage):
    """Intervals and savings; the tracker publishes its own messages."""

    def __init__(self, tracker: SavingsTracker) -> None:
        self._tracker = tracker

    def on_reading(self, item: MotorReading) -> None:
        if item.role is DeviceRole.METER:
            self._tracker.on_meter(item.reading, item.values, item.flags)
        elif item.role is DeviceRole.SIGNALS:
            self._tracker.on_signals(item.reading)
        elif item.role is DeviceRole.DRIVE:
            self._tracker.on_drive(item.reading)

    def on_row(self, row: TelemetryRow) -> None:
        self._tracker.on_row(row.energies, row.speed_rpm, row.withheld, row.utc_ms)

    def close(self) -> None:
        self._tracker.close()
