"""The announcements of the last 24 h, and whether they are more than an operator can follow (a flood)."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from msgspec import Struct

from agent.alarms.model import AlarmKey

DAY_S = 86400.0
FLOOD_WINDOW_S = 600.0
FLOOD_BEGIN, FLOOD_END = 10, 5  # more than 10 in 10 min begin a flood, fewer than 5 end it (EEMUA 191)
KEPT = 20_000  # a flood of 24 h at one announcement in 4 s


class Announcement(Struct, frozen=True):
    """at_s: monotonic. at_ms: UTC."""

    at_s: float
    at_ms: int
    key: AlarmKey
    priority: str


class AnnouncementLog:
    """flood_since_ms: UTC; None: there is no flood."""

    def __init__(self) -> None:
        self._day: deque[Announcement] = deque()
        self._of_key: Counter[AlarmKey] = Counter()
        self._window_s: deque[float] = deque(maxlen=KEPT)
        self.flood_since_ms: int | None = None

    def add(self, item: Announcement) -> None:
        self._day.append(item)
        self._of_key[item.key] += 1
        self._window_s.append(item.at_s)
        if len(self._day) > KEPT:
            self._forget()

    def update(self, now_s: float, utc_ms: int) -> bool:
        """Discards what is too old. True: a flood has begun or ended."""
        while self._day and self._day[0].at_s <= now_s - DAY_S:
            self._forget()
        while self._window_s and self._window_s[0] <= now_s - FLOOD_WINDOW_S:
            self._window_s.popleft()
        count = len(self._window_s)
        if self.flood_since_ms is None and count > FLOOD_BEGIN:
            self.flood_since_ms = utc_ms
            return True
        if self.flood_since_ms is not None and count < FLOOD_END:
            self.flood_since_ms = None
            return True
        return False

    def count(self, key: AlarmKey) -> int:
        """Announcements of this alarm within 24 h."""
        return self._of_key.get(key, 0)

    def day(self) -> list[Announcement]:
        """The oldest first."""
        return list(self._day)

    def as_object(self, now_s: float) -> dict[str, Any]:
        rows = [[now_s - item.at_s, item.at_ms, list(item.key), item.priority] for item in self._day]
        return {"flood_since_ms": self.flood_since_ms, "day": rows}

    def restore(self, body: dict[str, Any], then_s: float) -> None:
        """From `as_object`. then_s: monotonic time at which it was made."""
        self.flood_since_ms = body["flood_since_ms"]
        for age_s, at_ms, key, priority in body["day"]:
            self.add(Announcement(then_s - age_s, at_ms, AlarmKey(*key), priority))

    def _forget(self) -> None:
        key = self._day.popleft().key
        self._of_key[key] -= 1
        if not self._of_key[key]:
            del self._of_key[key]
