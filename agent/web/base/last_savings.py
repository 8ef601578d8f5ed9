"""The last message `savings` of each motor, where none was received: the next one comes up to 15 min after a start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from agent.web.base import values
from agent.web.base.values import Absence

AGE_MS_MAX = 1_800_000  # of an interval whose saving is shown as that of now: two intervals


class LastSavings(Struct, frozen=True):
    """What the state file knows, by topic of the motor.

    messages: the newest message that the agent has made.
    baselines: whether a baseline is in force. Without a readable state file both are empty.
    """

    messages: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    baselines: Mapping[str, bool] = field(default_factory=dict)

    def message(self, topic: str, received: dict[str, Any], now_ms: int) -> dict[str, Any]:
        """The one that was received, else the stored one if it is not too old; {}: there is none."""
        stored = self.messages.get(topic, {})
        return received or (stored if stored and now_ms - stored["t"] <= AGE_MS_MAX else {})

    def absence(self, topic: str, message: Mapping[str, Any]) -> Absence | None:
        """Why this message, or a missing one, has no saving since the retrofit; None: it has one."""
        if has_saving(message):
            return None
        if problems := values.reasons_in(message, "savings_caveats"):
            return values.absence_of(problems[0])
        has_baseline = self.baselines.get(topic)
        if has_baseline is None:
            return values.NO_BASELINE if message else values.SAVING_NOT_KNOWN_YET
        return values.SAVING_NOT_YET if has_baseline else values.NO_BASELINE


def has_saving(message: Mapping[str, Any]) -> bool:
    return "savings_verdict" in message.get("v", {})
