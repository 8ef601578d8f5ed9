"""Computes messages from readings and waveforms: joins meter, drive and waveform of each motor, in one thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agent.analysis.efficiency.allocation import Allocation, of_drive
from agent.analysis.efficiency.energy_counters import EnergyCounters
from agent.analysis.efficiency.estimator import Estimator
from agent.analysis.efficiency.explain import explanation
from agent.analysis.power_quality.channels import WaveformChannels
from agent.config.model import Motor
from agent.config.topology import Asset
from agent.core.messages import Message
from agent.core.metrics import rounded
from agent.core.state_reasons import DEVICE_NOT_POLLED, DEVICE_NOT_RESPONDING, DEVICE_UNAVAILABLE
from agent.runtime.asset_state import AssetState, Slot, meter_events
from drivers.reading import Clock, Quality, Reading, Value, Waveform
from drivers.reasons import Reason
from drivers.vocabulary import metric_name_of

if TYPE_CHECKING:
    from agent.savings.tracking.tracker import SavingsTracker

log = logging.getLogger(__name__)

STALE_PERIODS = 3.0  # a value not renewed for that many of its own periods is stale
SILENT_READINGS = 2  # consecutive failures that change an asset's state; its values are null from the first one
EXPLAIN_S = 30.0  # between two `explain` messages
LATE_PERIODS = 1.5  # a row is published after that many periods even if a device is missing
_GOOD = Quality.GOOD  # used for each value of each row


class Pipeline:
    """All assets. `emit` receives the messages.

    due_s: device → quantity → seconds between two readings; a device that is missing here is not polled.
    drive_kw: drive → rated power.
    publish_state: receives each change of an asset's state: asset, word, reasons.
    energies_kwh: energies of shared meters when the agent stopped.
    counters: counters in the store.
    publish_retained: receives retained messages: asset, kind, body; at most every explain_s.
    savings: makes the tracker of a motor's intervals from asset and polling period; None: no savings.
    """

    def __init__(
        self,
        assets: Iterable[Asset],
        due_s: Mapping[str, Mapping[str, float]],
        drive_kw: Mapping[str, float | None],
        clock: Clock,
        emit: Callable[[Message], None],
        publish_state: Callable[[str, str, Sequence[Reason]], None],
        energies_kwh: Mapping[str, float],
        counters: Mapping[str, int] | None = None,
        publish_retained: Callable[[str, str, Mapping[str, Any]], None] | None = None,
        explain_s: float = EXPLAIN_S,
        savings: Callable[[Asset, float], SavingsTracker] | None = None,
    ) -> None:
        self._clock, self._emit, self._publish_state, self._due_s = clock, emit, publish_state, due_s
        self._saved, self._publish_retained, self._explain_s = dict(counters or {}), publish_retained, explain_s
        self._saved_kwh = dict(energies_kwh)  # also of removed motors, which may be added again
        self._savings = savings
        self._states = [self._new(asset, drive_kw) for asset in assets]
        self._lanes = WaveformChannels(emit, self._motor)

    def reading(self, reading: Reading) -> None:
        now_ns = self._clock.monotonic_ns()
        for state in self._states:
            if reading.device in state.sources or self._feeds(state, reading.device):
                self._take(state, reading)
                if reading.device in state.waits_for:
                    state.waits_for.discard(reading.device)
                    if not state.waits_for:
                        self._publish(state, now_ns)

    def waveform(self, block: Waveform) -> None:
        for state in self._states:
            if state.gap_torque is not None and state.estimator is not None and state.asset.name == block.device:
                for ratio in state.gap_torque.take(block):
                    state.estimator.take_gap_ratio(self._clock.monotonic_ns() / 1e9, ratio)
        self._lanes.take(block)

    @property
    def waveform_lost(self) -> int:
        """Missing samples in waveform streams."""
        return self._lanes.lost

    def _motor(self, asset: str) -> Motor | None:
        return next((state.asset.motor for state in self._states if state.asset.name == asset), None)

    def tick(self) -> None:
        """Publishes rows whose devices are overdue. To be called a few times a second."""
        now_ns = self._clock.monotonic_ns()
        for state in self._states:
            if not state.published_ns:
                state.published_ns = now_ns  # the first row may wait one period for its devices
            elif now_ns - state.published_ns > LATE_PERIODS * state.period_s * 1e9:
                self._publish(state, now_ns)

    def renew(
        self, assets: Iterable[Asset], due_s: Mapping[str, Mapping[str, float]], drive_kw: Mapping[str, float | None]
    ) -> None:
        """Applies another configuration; an unchanged motor keeps its data. For the pipeline thread."""
        before, due_before = self._states, self._due_s
        self._saved_kwh |= self.energies_kwh()
        for state in before:
            if state.counters is not None:
                self._saved |= state.counters.all()
        self._due_s = due_s
        kept = {
            state.asset: state
            for state in before
            if all(due_before.get(name) == due_s.get(name) for name in state.asset.sources)
        }
        wanted = set(assets := tuple(assets))
        for state in before:
            if state.savings is not None and (state.asset not in wanted or state.asset not in kept):
                state.savings.close()
        self._states = [kept.get(asset) or self._new(asset, drive_kw) for asset in assets]
        motors = {state.asset.name: state.asset.motor for state in before}
        self._lanes.forget(lambda name: self._motor(name) != motors.get(name))

    def close(self) -> None:
        """Ends subprocesses, and stores unfinished intervals."""
        for state in self._states:
            if state.savings is not None:
                state.savings.close()
        self._lanes.close()

    def energies_kwh(self) -> dict[str, float]:
        """Energies of shared meters, to be restored after a restart."""
        return {
            f"energy_allocated/{state.asset.name}": state.allocation.energy_kwh
            for state in self._states
            if state.allocation
        }

    def _new(self, asset: Asset, drive_kw: Mapping[str, float | None]) -> AssetState:
        polled = {name for name in asset.devices if name in self._due_s}
        periods = [min(due.values()) for name in polled if (due := self._due_s[name])]
        state = AssetState(asset, min(periods, default=1.0), set(polled))
        if asset.motor:
            kw = drive_kw.get(asset.drive.name) if asset.drive else None
            state.estimator = Estimator(asset, kw, state.period_s)
            state.counters = EnergyCounters(asset, state.estimator.facts.drive_w / 0.9, self._saved)
            if asset.motor.waveform and asset.motor.waveform.measuring_point == "motor" and asset.motor.r1_ohm:
                from agent.analysis.efficiency.airgap_torque import AirgapTorque

                state.gap_torque = AirgapTorque(state.estimator.facts)
            if self._savings is not None:
                state.savings = self._savings(asset, state.period_s)
            if asset.meter and asset.shared:
                key = f"energy_allocated/{asset.name}"
                state.allocation = Allocation(asset, self._saved_kwh.get(key, 0.0))
        return state

    @staticmethod
    def _feeds(state: AssetState, device: str) -> bool:
        return state.allocation is not None and any(branch.drive == device for branch in state.asset.branches)

    def _take(self, state: AssetState, reading: Reading) -> None:
        asset = state.asset
        own = reading.device in state.devices
        if not own and reading.device in state.sources:
            self._take_signals(state, reading)
            return
        if state.allocation and any(branch.drive == reading.device for branch in asset.branches):
            state.allocation.take_drive(reading)
        if not own:
            return
        self._note_silence(state, reading)
        values, flags = reading.values, reading.flags
        is_meter = asset.meter is not None and reading.device == asset.meter.name
        if is_meter and state.allocation:
            values, flags = state.allocation.take_meter(reading)
        elif not is_meter and asset.drive_share < 1:
            values, flags = of_drive(reading, asset.drive_share)
        self._keep(state, reading, values, flags)
        if state.savings is not None and is_meter:
            state.savings.on_meter(reading, values, flags)
        if state.estimator and not reading.quality & Quality.NO_REPLY:
            if is_meter and not asset.shared:
                state.estimator.take_meter(reading)
                if state.counters is not None:
                    state.counters.take_meter(reading)
            elif not is_meter:
                state.estimator.take_drive(reading)

    def _take_signals(self, state: AssetState, reading: Reading) -> None:
        self._note_silence(state, reading)
        own = {signal.metric.name for signal in state.asset.signals}
        values = {name: value for name, value in reading.values.items() if name in own}
        if state.estimator and not reading.quality & Quality.NO_REPLY:
            state.estimator.take_signals(reading)
        if state.savings is not None:
            state.savings.on_signals(reading)
        self._keep(state, reading, values, reading.flags)

    @staticmethod
    def _note_silence(state: AssetState, reading: Reading) -> None:
        state.quality = reading.quality & Quality.SIMULATED
        if Quality.NO_REPLY in reading.quality:
            state.silent[reading.device] = reading.error
            state.misses[reading.device] = state.misses.get(reading.device, SILENT_READINGS) + 1
        else:
            state.silent.pop(reading.device, None)
            state.misses[reading.device] = 0

    def _keep(
        self, state: AssetState, reading: Reading, values: Mapping[str, Value], flags: Mapping[str, Quality]
    ) -> None:
        state.renewed = True
        silent = reading.quality & Quality.NO_REPLY
        known = state.slots.get(reading.device, {})
        if silent:  # all values of this device are unknown now, those of slow groups too
            for slot in known.values():
                slot.value, slot.flag = None, slot.flag | silent
        at_ns = reading.monotonic_ns, reading.came_ns
        for name, value in values.items():
            slot = known.get(name) or self._new_slot(state, reading.device, name)
            slot.value = rounded(slot.metric, value) if isinstance(value, (int, float)) else value
            slot.flag = flags.get(name, _GOOD) | silent if silent else flags.get(name, _GOOD)
            slot.at_ns = at_ns

    def _new_slot(self, state: AssetState, device: str, quantity: str) -> Slot:
        due_s = self._due_s[device].get(quantity, state.period_s)
        metric = state.asset.metrics("telemetry")[metric_name_of(quantity)]
        slot = Slot(device, metric, (STALE_PERIODS * due_s + 1) * 1e9)
        state.add(quantity, slot)
        return slot

    def _publish(self, state: AssetState, now_ns: int) -> None:
        state.waits_for = {name for name in state.devices if name in self._due_s} - state.silent.keys()
        state.published_ns = now_ns
        self._update_state(state)
        if not state.slots:
            return
        values: dict[str, object] = {}
        flags: dict[str, Quality] = {}
        newest = (0, 0)
        table = state.asset.metrics("telemetry")
        for slot in state.row:
            name, flag = slot.metric.name, slot.flag
            if now_ns - slot.at_ns[0] > slot.stale_ns:
                flag |= Quality.STALE
            values[name] = slot.value
            if flag:
                flags[name] = flag
            if slot.at_ns > newest:
                newest = slot.at_ns
        uncertainties: dict[str, float] = {}
        methods: dict[str, str] = {}
        reasons: dict[str, Sequence[Reason]] = {}
        if state.estimator:
            found = state.estimator.estimates(now_ns / 1e9)
            for name, value in found.values.items():
                values[name] = rounded(table[name], value) if isinstance(value, (int, float)) else value
            for name, u in found.uncertainties.items():
                uncertainties[name] = float(f"{u:.3g}")
            methods, flags = found.methods, flags | found.flags
            reasons |= found.reasons
        if state.allocation:
            values["energy_allocated_kwh"] = rounded(table["energy_allocated_kwh"], state.allocation.energy_kwh)
            flags["energy_allocated_kwh"] = Quality.ALLOCATED
        changed: dict[str, int] = {}
        if state.counters is not None and state.estimator is not None:
            cells = state.estimator.take_energies()
            state.counters.take_cells(cells, now_ns / 1e9)
            if state.savings is not None:
                guard = state.estimator.guard
                utc_ms = self._clock.utc_ns() // 1_000_000
                state.savings.on_row(cells, state.estimator.speed_rpm, guard.withheld, utc_ms)
            values |= state.counters.values()
            uncertainties |= {
                name: float(f"{u:.3g}") for name, u in state.counters.uncertainties().items() if name in values
            }
            changed = state.counters.changed()
        # Without new values the row has the present time. The next row never has an earlier time.
        state.row_ns = max(state.row_ns, newest if state.renewed else (now_ns, self._clock.utc_ns()))
        newest_ns = state.row_ns[1]
        state.renewed = False
        self._emit(
            Message(state.asset.name, "telemetry", newest_ns // 1_000_000, values, uncertainties, methods, flags,
                    state.quality, changed, reasons)
        )  # fmt: skip
        for message in meter_events(state, newest_ns // 1_000_000):
            self._emit(message)
        due = not state.explained_ns or now_ns - state.explained_ns >= self._explain_s * 1e9
        if state.estimator and self._publish_retained and due and state.estimator.outcome is not None:
            state.explained_ns = now_ns
            self._publish_retained(state.asset.name, "explain", explanation(state.estimator))

    def _update_state(self, state: AssetState) -> None:
        polled = [name for name in state.sources if name in self._due_s]
        unpolled = [name for name in state.sources if name not in self._due_s]
        gone = {name for name in state.silent if state.misses[name] >= SILENT_READINGS}
        reasons = [
            DEVICE_UNAVAILABLE(device=name, cause=cause) if (cause := state.silent[name]) else
            DEVICE_NOT_RESPONDING(device=name)
            for name in polled if name in gone
        ]  # fmt: skip
        reasons += [DEVICE_NOT_POLLED(device=name) for name in unpolled]
        heard = state.slots.keys() - gone
        word = "online" if heard and not reasons else "stale" if heard else "offline"
        if not polled:
            word = "offline"
        if (word, reasons) != state.state and (state.slots or not polled):
            if word != state.state[0]:
                report = log.info if word == "online" else log.warning
                why = "; ".join(map(str, reasons))
                report("%s is %s%s", state.asset.name, word, f" ({why})" if why else "")
            state.state = (word, reasons)
            self._publish_state(state.asset.name, word, reasons)
