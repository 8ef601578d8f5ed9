"""Whether the condition of an alarm holds: on-delay and off-delay on monotonic time, without the time without data."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from agent.config.alarm_definition import AlarmDefinition


class DelayOutcome(StrEnum):
    """What a delay leads to when it has passed."""

    RAISE = "raise"
    RETURN = "return"
    ESCALATE = "escalate"


class AlarmCondition:
    """The condition of one alarm.

    level: how many limits are exceeded now, 0 to 2; None: no data. known: the last one that was not None.
    holds: it was there for the on-delay, and since then not gone for the off-delay.
    rank: the highest level of this occurrence for the on-delay; 0: it does not hold.
    began_s: monotonic time at which the level last rose from 0.
    due_s: when the pending delay ends; None: none runs. Without data a delay is paused.
    """

    __slots__ = ("_elapsed_s", "_pending", "_since_s", "began_s", "due_s", "holds", "known", "level", "rank")

    def __init__(self) -> None:
        self.level: int | None = None
        self.known = 0
        self.holds = False
        self.rank = 0
        self.began_s = 0.0
        self.due_s: float | None = None
        self._pending: DelayOutcome | None = None
        self._elapsed_s = 0.0  # of the pending delay, until it was last paused
        self._since_s = 0.0  # since when it runs

    @property
    def idle(self) -> bool:
        """Nothing is there, nothing is pending."""
        return not self.holds and self._pending is None

    def observe(self, level: int | None, now_s: float, definition: AlarmDefinition) -> None:
        """A new level; sets `due_s`."""
        self.level = level
        if level is None:
            if self.due_s is not None:
                self._elapsed_s += now_s - self._since_s
                self.due_s = None
            return
        if level and not self.known:
            self.began_s = now_s
        self.known = level
        wanted = self._wanted(level)
        if wanted is not self._pending:
            self._pending, self._elapsed_s, self.due_s = wanted, 0.0, None
        if wanted is not None and self.due_s is None:
            delay_s = definition.off_delay_s if wanted is DelayOutcome.RETURN else definition.on_delay_s
            self._since_s = now_s
            self.due_s = now_s + max(delay_s - self._elapsed_s, 0.0)

    def complete(self) -> DelayOutcome:
        """The delay has passed: what follows from it."""
        outcome, self._pending, self.due_s, self._elapsed_s = self._pending, None, None, 0.0
        assert outcome is not None
        self.holds = outcome is not DelayOutcome.RETURN
        self.rank = self.known if self.holds else 0
        return outcome

    def clear(self) -> None:
        """The condition is not evaluated any more: it does not hold, and nothing is pending."""
        self.holds, self.rank, self.known, self.level = False, 0, 0, 0
        self._pending, self.due_s, self._elapsed_s = None, None, 0.0

    def _wanted(self, level: int) -> DelayOutcome | None:
        if not self.holds:
            return DelayOutcome.RAISE if level else None
        if not level:
            return DelayOutcome.RETURN
        return DelayOutcome.ESCALATE if level > self.rank else None

    def as_object(self, now_s: float) -> dict[str, Any]:
        running_s = now_s - self._since_s if self.due_s is not None else 0.0
        return {
            "known": self.known, "rank": self.rank, "holds": self.holds, "age_s": now_s - self.began_s,
            "pending": str(self._pending) if self._pending else None, "elapsed_s": self._elapsed_s + running_s,
        }  # fmt: skip

    @classmethod
    def restored(cls, body: dict[str, Any], now_s: float) -> AlarmCondition:
        """From `as_object`; without data until the first `observe`."""
        found = cls()
        found.known, found.rank, found.holds = int(body["known"]), int(body["rank"]), bool(body["holds"])
        found.began_s = now_s - float(body["age_s"])
        found._pending = DelayOutcome(body["pending"]) if body["pending"] else None
        found._elapsed_s = float(body["elapsed_s"])
        return found
