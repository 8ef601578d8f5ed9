"""Whether motors run, and since when: some alarms do not rise while a motor is off, or shortly after its start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.config.alarm_definition import AlarmDefinition

MOTOR_OFF, START = "motor_off", "start"
_LONG_S = 86400.0  # longer than every block of a start


class MotorRuns:
    """The motors of which is known whether they run."""

    def __init__(self) -> None:
        self._running_since_s: dict[str, float | None] = {}  # None: off

    def set(self, asset: str, running: bool | None, now_s: float) -> bool:
        """None: not known, which changes nothing. A motor that runs at the first sight has not just been started.

        True: it has changed.
        """
        known = asset in self._running_since_s
        if running is None or (known and running == (self._running_since_s[asset] is not None)):
            return False
        self._running_since_s[asset] = (now_s if known else now_s - _LONG_S) if running else None
        return True

    def blocks(self, asset: str, definition: AlarmDefinition, now_s: float) -> str:
        """Why this alarm of a motor cannot rise now: motor_off | start; empty: it can."""
        if asset not in self._running_since_s:
            return ""
        since_s = self._running_since_s[asset]
        if since_s is None:
            return MOTOR_OFF if definition.blocked_off else ""
        return START if now_s < since_s + definition.blocked_start_s else ""

    def block_ends_s(self, asset: str, definition: AlarmDefinition) -> float:
        """End of the block of a start, of a motor that runs."""
        return (self._running_since_s[asset] or 0.0) + definition.blocked_start_s

    def as_object(self, now_s: float) -> dict[str, float | None]:
        """For the state file: asset → seconds for which it has been running; None: off."""
        return {
            asset: None if since_s is None else min(now_s - since_s, _LONG_S)
            for asset, since_s in self._running_since_s.items()
        }

    def restore(self, body: Mapping[str, Any], now_s: float) -> None:
        """From `as_object`."""
        for asset, age_s in body.items():
            self._running_since_s[asset] = None if age_s is None else now_s - age_s
