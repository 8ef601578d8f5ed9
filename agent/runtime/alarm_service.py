"""The alarms in the agent: collects the inputs, follows the operators' file, publishes and stores."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from msgspec import Struct

from agent.alarms.manager import AlarmManager
from agent.alarms.messages import counts_body, event_of, record_body
from agent.alarms.model import AlarmInput, AlarmKey, OperatorAction
from agent.alarms.operator_log import OperatorLog, OperatorLogError
from agent.analysis.condition.answers import Answer
from agent.config.model import Config
from agent.config.topology import Asset
from agent.core.clock import rest_s
from agent.core.messages import Message, overall_quality
from agent.runtime.alarm_inputs import SilentDevices, of_answers, of_health, of_row
from agent.runtime.stage import TelemetryRow
from drivers.reading import Clock, Quality
from drivers.reasons import Reason

log = logging.getLogger(__name__)

STEP_S = 1.0
COUNTS_S = 60.0  # between two messages without a change


class RetainedMessages(Protocol):
    """As agent.delivery.publisher.Publisher."""

    def publish_retained(
        self, asset: str | None, kind: str, body: Mapping[str, Any], *, name: str = "", keep: bool = False
    ) -> None: ...

    def delete_retained(self, asset: str | None, kind: str, name: str = "") -> None: ...


class AlarmOutputs(Struct, frozen=True):
    """emit: receives events. retained: publishes records. save: stores an object without waiting."""

    emit: Callable[[Message], None]
    retained: RetainedMessages
    save: Callable[[Any], None]


class AlarmService:
    """All methods but `run` are for the thread of the pipeline.

    stored: what was saved last.
    in_maintenance: motor → its maintenance.
    """

    def __init__(
        self, config: Config, assets: Sequence[Asset], clock: Clock, operators: OperatorLog,
        outputs: AlarmOutputs, stored: Any, in_maintenance: Callable[[], Iterable[str]],
    ) -> None:  # fmt: skip
        self._clock, self._operators = clock, operators
        self._emit, self._retained, self._save = outputs.emit, outputs.retained, outputs.save
        self._in_maintenance = in_maintenance
        self._manager = AlarmManager(config.alarms, stored if isinstance(stored, dict) else None)
        self._settings = config.alarms
        self._configure(config, assets)
        self._inputs: list[AlarmInput] = []
        self._health: Mapping[str, float | int] = {}
        self._rows: dict[str, tuple[Any, ...]] = {}  # asset → what its last row said
        self._saved_revision: int | None = None
        self._counts_s = -COUNTS_S
        self._unreadable = False
        self._restored = False

    def on_answers(self, asset: str, answers: Sequence[Answer], returned: Collection[str]) -> None:
        """What is known about the condition of a motor. returned: faults whose end was seen, observable or not."""
        self._inputs += of_answers(asset, answers, returned, self._utc_ms)

    def on_state(self, asset: str, reasons: Sequence[Reason]) -> None:
        """The state of an asset has changed."""
        self._inputs += self._silent.on_state(asset, reasons, self._utc_ms)

    def on_row(self, row: TelemetryRow) -> None:
        """A row of telemetry, complete."""
        bad = overall_quality(row.values, row.flags, row.quality) == "bad"
        running = self._running(row)
        reasons = tuple(row.reasons.get("efficiency_unavailable_reason", ()))
        seen = (*map(row.values.get, ("meter_wiring", "fault_code", "tripped")), reasons, bad, running)
        if self._rows.get(row.asset) == seen:
            return
        self._rows[row.asset] = seen
        self._inputs += of_row(row.asset, row.values, row.reasons, row.t_ms, bad)
        self._manager.set_running(row.asset, running)

    def on_health(self, values: Mapping[str, float | int]) -> None:
        self._inputs += of_health(values, self._health, self._buses, self._utc_ms)
        self._health = values

    def reconfigure(self, config: Config, assets: Sequence[Asset]) -> None:
        names = {asset.name for asset in assets}
        self._settings = config.alarms
        self._configure(config, assets)
        self._rows.clear()
        self._manager.reconfigure(config.alarms, partial(_is_configured, names, self._parts))

    async def run(self, run_on_pipeline: Callable[[Callable[[], None]], None]) -> None:
        """Once a second: reads the operators' file, then decides in the thread of the pipeline."""
        while True:
            actions = await asyncio.to_thread(self._new_actions)
            run_on_pipeline(partial(self.step, actions))
            await self._clock.sleep(rest_s(self._clock.monotonic_ns(), STEP_S))

    def refresh(self) -> None:
        """As one second of `run`, for runs on virtual time."""
        self.step(self._new_actions())

    def step(self, actions: Sequence[OperatorAction] = ()) -> None:
        manager, now_s, utc_ms = self._manager, self._clock.monotonic_ns() / 1e9, self._utc_ms
        manager.set_out_of_service(tuple(self._in_maintenance()))
        manager.operate(actions)
        inputs, self._inputs = self._inputs, []
        transitions = manager.update(inputs, now_s, utc_ms)
        for transition in transitions:
            record = transition.record
            definition = self._settings.definition(record.asset, record.code)
            if definition is not None:
                event = event_of(transition, definition)
                if transition.announced:
                    log.warning("%s: %s", record.asset or "gateway", event.values["event_text"])
                self._emit(event)
        changed = manager.take_changed()
        for record in changed if self._restored else manager.records():
            definition = self._settings.definition(record.asset, record.code)
            if definition is not None:
                body = record_body(record, definition)
                self._retained.publish_retained(record.asset, "alarm", body, name=record.key.name, keep=True)
        self._restored = True
        for key in manager.take_removed():
            self._retained.delete_retained(key.asset or None, "alarm", key.name)
        if changed or now_s - self._counts_s >= COUNTS_S:
            self._counts_s = now_s
            self._retained.publish_retained(None, "alarms", counts_body(manager.counts()), keep=True)
        if manager.revision != self._saved_revision:
            self._saved_revision = manager.revision
            self._save(manager.state())

    def _configure(self, config: Config, assets: Sequence[Asset]) -> None:
        self._buses = tuple(config.buses)
        self._parts = {*config.buses, *(name for asset in assets for name in asset.devices)}
        self._silent = SilentDevices(config, assets)

    def _new_actions(self) -> list[OperatorAction]:
        """Rows of the operators' file since the last call; none while it cannot be read, which is logged once."""
        try:
            found = self._operators.new()
        except OperatorLogError as error:
            if not self._unreadable:
                log.warning("%s; acknowledgements and shelving wait", error)
            self._unreadable = True
            return []
        self._unreadable = False
        return found

    @staticmethod
    def _running(row: TelemetryRow) -> bool | None:
        """Whether the motor runs; None: not known."""
        if row.quality & Quality.NO_REPLY or row.values.get("active_power_w") is None:
            return None
        return not any(str.__str__(one.code) == "motor_off" for one in
                       row.reasons.get("efficiency_unavailable_reason", ()))  # fmt: skip

    @property
    def _utc_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def _is_configured(assets: set[str], parts: set[str], key: AlarmKey) -> bool:
    return (not key.asset or key.asset in assets) and (not key.part or key.part in parts)
