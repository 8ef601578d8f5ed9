"""What `magwatt alarms` reads: configuration, state file and operator file of one state directory."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from agent.alarms.history import PastTransition, announcements_of, first_run_ms, past_transitions
from agent.alarms.messages import identity
from agent.alarms.metrics import AlarmMetrics, metrics_of
from agent.alarms.model import AlarmKey, AlarmRecord, OperatorAction
from agent.alarms.operator_log import OperatorLog
from agent.alarms.reasons import ACTION_NAMES
from agent.alarms.states import LISTED
from agent.alarms.stored import stored_in
from agent.cli.ledger_options import open_state
from agent.cli.options import fail, load, must_have, plant_file
from agent.config.alarm_definition import PRIORITIES, AlarmDefinition
from agent.config.schema import unknown_reference
from agent.config.topology import assets
from agent.core.local_time import zone_of
from agent.core.text import _, text_of, use
from agent.delivery.followed_messages import declare_message_codes
from agent.delivery.site_clock import utc_ms
from agent.delivery.store import default_directory
from agent.delivery.store.lock import holder_of
from drivers.file_reasons import nearest

DAY_MS = 86_400_000
_ORDER = ("UNACK", "RTNUN", "ACKED", "DSUPR", "SHLVD", "OOSRV")


class AlarmsSource:
    """log: the operator file."""

    def __init__(self, config_file: Path | None) -> None:
        declare_message_codes()
        self._config = load(plant_file(config_file))[0]
        use(None, zone_of(self._config.site.timezone))
        self._directory = self._config.state_dir or default_directory()
        self._stored = stored_in(self._directory)
        self.log = OperatorLog(self._directory)

    def now_ms(self) -> int:
        """UTC as the agent dates it."""
        return utc_ms(self._config)

    def standing(self, motor: str | None) -> list[AlarmRecord]:
        """All that are not normal: by priority, those that are not acknowledged first; then those that are silent.

        motor: only of this one. Exits when there is no such motor.
        """
        if motor is not None:
            must_have(self._config, motor)
        found = [item.record for item in self._stored.alarms if item.record.state != "NORM"] if self._stored else []
        return sorted(
            (
                record
                for record in found
                if motor in (None, record.asset) and self._config.alarms.definition(record.asset, record.code)
            ),
            key=lambda one: (
                one.state not in LISTED,
                PRIORITIES.index(one.priority),
                _ORDER.index(str(one.state)),
                one.since_ms,
                one.key,
            ),
        )

    def record(self, key: AlarmKey) -> AlarmRecord | None:
        """None: it has never been raised."""
        alarms = self._stored.alarms if self._stored else []
        return next((item.record for item in alarms if item.record.key == key), None)

    def definition(self, key: AlarmKey) -> AlarmDefinition:
        found: AlarmDefinition | None = self._config.alarms.definition(key.asset or None, key.code)
        assert found is not None, key
        return found

    def definitions(self, code: str | None, motor: str | None) -> list[AlarmDefinition]:
        """The rows with the changes of the configuration. Exits when there is no such code or motor."""
        if motor is not None:
            must_have(self._config, motor)
        if code is None:
            return [self.definition(AlarmKey(motor or "", name)) for name in self._config.alarms.everywhere]
        self._check_code(code, code)
        return [self.definition(AlarmKey(motor or "", code))]

    def key(self, alarm: str) -> AlarmKey:
        """The alarm of that name. Exits when there can be none."""
        asset, _slash, name = alarm.rpartition("/")
        code, _hyphen, part = name.partition("-")
        self._check_code(alarm, code)
        key = AlarmKey(asset, code, part)
        of_one_asset = self.definition(key).scope == "asset"
        known = {item.name for item in assets(self._config)}
        if of_one_asset and not asset:
            fail(_("{alarm}: MOTOR/ is missing; write for example pump-1/{code}", alarm=alarm, code=code))
        if asset and not of_one_asset:
            fail(_("{alarm}: this alarm is of no single motor; write {name}", alarm=alarm, name=name))
        if asset and asset not in known:
            fail(f"{alarm}: {text_of(unknown_reference('motor', asset, sorted(known)))}")
        parts = self._parts(key)
        if parts and part not in parts:
            names = tuple(f"{code}-{one}" for one in parts)
            fail(_("{alarm}: this alarm is of one device or bus; write one of {names}", alarm=alarm, names=names))
        return key

    def _parts(self, key: AlarmKey) -> Sequence[str]:
        """Devices or buses that have one alarm each; empty: there is one for all."""
        if key.code == "no_reply":
            return next((one.devices for one in assets(self._config) if one.name == key.asset), ())
        return tuple(self._config.buses) if key.code in ("bus_failure", "polls_failing") else ()

    def is_shelved(self, key: AlarmKey) -> bool:
        """By the state, and by actions that the agent has not applied yet."""
        record = self.record(key)
        shelved = record is not None and record.shelved_until_ms is not None
        for action in self._waiting():
            if action.key == key and action.action != "ack":
                shelved = action.action == "shelve"
        return shelved

    def notes(self) -> list[str]:
        """That no agent runs, and the actions that it has not applied yet."""
        if holder_of(self._directory) is not None:
            return []
        waiting = [
            _("not applied yet: {action:word}, {alarm}, by {by}", action=ACTION_NAMES[action.action],
              alarm=identity(action.key), by=action.by) for action in self._waiting()
        ]  # fmt: skip
        return [_("The agent is not running: this is its last state."), *waiting]

    def past(self, days: int, motor: str | None) -> list[PastTransition]:
        """The transitions of the last days. Exits when there is no state file."""
        if motor is not None:
            must_have(self._config, motor)
        now_ms = self.now_ms()
        with contextlib.closing(open_state(self._config, None)[0]) as db:
            return past_transitions(db.execute, now_ms - days * DAY_MS, now_ms + 1, motor)

    def metrics(self, days: int) -> tuple[AlarmMetrics, int]:
        """The metrics since a time, and this time, UTC. Exits when there is no state file."""
        now_ms = self.now_ms()
        with contextlib.closing(open_state(self._config, None)[0]) as db:
            from_ms = min(max(now_ms - days * DAY_MS, first_run_ms(db.execute) or 0), now_ms)
            found = announcements_of(past_transitions(db.execute, from_ms, now_ms + 1))
        return metrics_of(found, from_ms, now_ms + 1), from_ms

    def _waiting(self) -> list[OperatorAction]:
        return self.log.after(self._stored.operated if self._stored else 0)

    def _check_code(self, alarm: str, code: str) -> None:
        known = self._config.alarms.everywhere
        if code in known:
            return
        if near := nearest(code, known):
            fail(_("{alarm}: no such alarm; did you mean {near:quoted}?", alarm=alarm, near=near))
        fail(_("{alarm}: no such alarm; `magwatt alarms definitions` lists them", alarm=alarm))
