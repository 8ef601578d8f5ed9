"""What is known of one signal from a topic: its newest value, how old it is, what is doubtful about it."""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime

from agent.signals import TopicSignal
from agent.topics.payload import SIZE_MAX, PayloadError, read_payload
from drivers.reading import BAD, Quality, Reading
from drivers.reasons import Code

log = logging.getLogger(__name__)

TOPIC_PROBLEM = Code("topic_problem", "{error}")

STALE_EVERY = 3  # a value that was not renewed for that many of its own periods is missing
AHEAD_MS = 2_000  # by how much a publisher's clock may be before ours without a word
QUIET_S = 60.0  # without trouble for that long: the next is told again


class Held:
    """Not thread-safe. Times are ns, of the clock that never steps (now) and of UTC (utc)."""

    def __init__(self, signal: TopicSignal, now_ns: int, utc_ns: int) -> None:
        self.signal = signal
        self.trouble = ""  # why the newest payload is not used
        self.live = False  # whether a good value came that is known to be of now
        self._value: float | int | None = None
        self._flag = Quality.GOOD
        self._since_ns, self._since_utc_ns = now_ns, utc_ns  # from when its age counts
        self._heard = False
        self._payload = b""
        self._sent_ms: int | None = None  # by the publisher's clock
        self._said: set[str] = set()
        self._bad_ns = now_ns

    def take(self, payload: bytes, retained: bool, now_ns: int, utc_ns: int) -> bool:
        """Whether there is a value in it. What is too large changes nothing, all else is the newest that is known."""
        if len(payload) > SIZE_MAX:
            self._say("large", f"has {len(payload)} bytes, more than {SIZE_MAX}: it is left out; publish values apart "
                      "from what is large", now_ns)  # fmt: skip
            return False
        try:
            found = read_payload(payload, self.signal.value, self.signal.time)
            value = self._scaled(found.value)
        except PayloadError as error:
            self._keep(None, Quality.OUT_OF_RANGE, now_ns, utc_ns)
            self._say(error.kind, str(error), now_ns)
            return False
        old = self._value_age(found.utc_ms, payload, retained, now_ns, utc_ns)
        if old is None:
            return True
        flag, sent_ms, age_ns = old
        low, high = self.signal.low, self.signal.high
        if not low <= value <= high:
            flag |= Quality.OUT_OF_RANGE
            self._say("range", f"says {value:g}, outside of {low:g} … {high:g}: correct low and high, or look at what "
                      "publishes it", now_ns)  # fmt: skip
        self._keep(value, flag, now_ns - age_ns, utc_ns - age_ns)
        self._payload, self._sent_ms = payload, sent_ms
        self.live = not flag & Quality.STALE and not self.silent(now_ns)
        if self.live and not flag & BAD:
            self.trouble = ""
            self._heal(now_ns)
        return True

    def _value_age(
        self, sent_ms: int | None, payload: bytes, retained: bool, now_ns: int, utc_ns: int
    ) -> tuple[Quality, int | None, int] | None:
        """Flag, time by the publisher's clock, and age (ns); None: something as new is known already."""
        unknown = Quality.STALE if retained else Quality.GOOD  # who knows when it was published
        if sent_ms is None:
            if retained and self.live and payload == self._payload:
                return None  # it came live before: the broker tells it again after a new connection
            return unknown, None, 0
        ahead_ms = sent_ms - utc_ns / 1e6
        if ahead_ms > AHEAD_MS:
            self._say("clock", f"is {ahead_ms / 1000:.1f} s ahead of this clock: the time of arrival is taken; let "
                      "both follow one time server", now_ns)  # fmt: skip
            return Quality.CLOCK_UNSYNCHRONIZED | unknown, None, 0
        if self._sent_ms is not None and sent_ms < self._sent_ms and not self.silent(now_ns):
            return None
        return Quality.GOOD, sent_ms, round(max(0.0, -ahead_ms) * 1e6)

    def reading(self, now_ns: int, utc_ns: int, quality: Quality, connected: bool) -> Reading | None:
        """As of a device that is polled now; None while nothing came and that is no wonder yet."""
        signal, flag = self.signal, self._flag
        if not self._heard and not self.silent(now_ns):
            return None
        value, error = self._value, self.trouble
        if self.silent(now_ns):
            value, flag, quality, error = None, flag | Quality.STALE, quality | Quality.NO_REPLY, self._silence()
            self._say("silent", error, now_ns)
            if not connected:
                error += "; its broker is away"
        flags = {signal.metric: flag} if flag else {}
        reason = TOPIC_PROBLEM(error=error) if error else None
        return Reading(signal.device, utc_ns, utc_ns, {signal.metric: value}, quality, flags, reason, now_ns)

    def silent(self, now_ns: int) -> bool:
        """Whether nothing that is new enough is known."""
        return now_ns - self._since_ns > STALE_EVERY * self.signal.expected_interval_s * 1e9

    def _silence(self) -> str:
        moment = f"{datetime.fromtimestamp(self._since_utc_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
        if self._sent_ms is not None:
            return f"the newest on {self.signal.topic} is of {moment}"
        return f"nothing came on {self.signal.topic} since {moment}"

    def _scaled(self, value: float | int) -> float | int:
        if self.signal.scale == 1 and not self.signal.offset:
            return value
        scaled = value * self.signal.scale + self.signal.offset
        if not math.isfinite(scaled):
            raise PayloadError("finite", "is not finite when scaled", "correct scale")
        return scaled

    def _keep(self, value: float | int | None, flag: Quality, since_ns: int, since_utc_ns: int) -> None:
        self._value, self._flag, self._heard = value, flag, True
        self._since_ns, self._since_utc_ns, self._sent_ms = since_ns, since_utc_ns, None
        self.live = False

    def _say(self, kind: str, text: str, now_ns: int) -> None:
        """Once for each kind of trouble, until there was none for a while."""
        self._bad_ns = now_ns
        self.trouble = text if kind == "silent" else f"{self.signal.topic} {text}"
        if kind not in self._said:
            self._said.add(kind)
            log.warning("%s: %s", self.signal.device, self.trouble)

    def _heal(self, now_ns: int) -> None:
        if self._said and now_ns - self._bad_ns > QUIET_S * 1e9:
            self._said.clear()
            log.info("%s: values come again on %s", self.signal.device, self.signal.topic)
