"""The state of one signal from a topic: its latest value, the age of it, and what is wrong with it."""

from __future__ import annotations

import logging
import math

from agent.acquisition.mqtt_signals import reasons as codes
from agent.acquisition.mqtt_signals.payload import SIZE_MAX, PayloadError, read_payload
from agent.config.signals import TopicSignal
from drivers.reading import BAD, Quality, Reading
from drivers.reasons import Code, Reason

log = logging.getLogger(__name__)

STALE_EVERY = 3  # a value is missing after this number of expected intervals without a new one
AHEAD_MS = 2_000  # a publisher's clock may be ahead by this time
QUIET_S = 60.0  # after this time without a problem the next one is logged again


class SignalState:
    """Not thread-safe. Arguments now_ns and utc_ns: monotonic clock and UTC.

    signal: as configured.
    problem: why the latest payload is not used, or what is wrong with its value; None: nothing.
    live: a good value with a known time was received.
    """

    def __init__(self, signal: TopicSignal, now_ns: int, utc_ns: int) -> None:
        self.signal = signal
        self.problem: Reason | None = None
        self.live = False
        self._value: float | int | None = None
        self._flag = Quality.GOOD
        self._since_ns, self._since_utc_ns = now_ns, utc_ns  # start of the age
        self._received = False
        self._payload = b""
        self._sent_ms: int | None = None  # by the publisher's clock
        self._logged: set[Code] = set()
        self._bad_ns = now_ns

    def on_payload(self, payload: bytes, retained: bool, now_ns: int, utc_ns: int) -> bool:
        """Processes a payload; returns whether it contains a value. A payload that is too large is ignored."""
        if len(payload) > SIZE_MAX:
            self._reject(codes.PAYLOAD_TOO_LARGE(size_bytes=len(payload), max_bytes=SIZE_MAX), now_ns)
            return False
        try:
            found = read_payload(payload, self.signal.value, self.signal.time)
            value = self._scaled(found.value)
        except PayloadError as error:
            self._set_value(None, Quality.OUT_OF_RANGE, now_ns, utc_ns)
            self._reject(error.reason, now_ns)
            return False
        age = self._value_age(found.utc_ms, payload, retained, now_ns, utc_ns)
        if age is None:
            return True
        flag, sent_ms, age_ns = age
        topic, low, high = self.signal.topic, self.signal.low, self.signal.high
        if not low <= value <= high:
            flag |= Quality.OUT_OF_RANGE
            reason = codes.SIGNAL_OUT_OF_RANGE(topic=topic, value=value, low=_finite(low), high=_finite(high))
            self._report(reason, reason.code, now_ns)
        self._set_value(value, flag, now_ns - age_ns, utc_ns - age_ns)
        self._payload, self._sent_ms = payload, sent_ms
        self.live = not flag & Quality.STALE and not self.silent(now_ns)
        if self.live and not flag & BAD:
            self.problem = None
            if self._logged and now_ns - self._bad_ns > QUIET_S * 1e9:
                self._logged.clear()
                log.info("%s: good values on %s again", self.signal.device, self.signal.topic)
        return True

    def _value_age(
        self, sent_ms: int | None, payload: bytes, retained: bool, now_ns: int, utc_ns: int
    ) -> tuple[Quality, int | None, int] | None:
        """Flag, time by the publisher's clock, and age (ns); None: the known value is at least as new."""
        unknown = Quality.STALE if retained else Quality.GOOD  # a retained message has no time of publication
        if sent_ms is None:
            if retained and self.live and payload == self._payload:
                return None  # the broker repeats it after a reconnection
            return unknown, None, 0
        ahead_ms = sent_ms - utc_ns / 1e6
        if ahead_ms > AHEAD_MS:
            reason = codes.PUBLISHER_CLOCK_AHEAD(topic=self.signal.topic, ahead_s=ahead_ms / 1000)
            self._report(reason, reason.code, now_ns)
            return Quality.CLOCK_UNSYNCHRONIZED | unknown, None, 0
        if self._sent_ms is not None and sent_ms < self._sent_ms and not self.silent(now_ns):
            return None
        return Quality.GOOD, sent_ms, round(max(0.0, -ahead_ms) * 1e6)

    def reading(self, now_ns: int, utc_ns: int, quality: Quality, connected: bool) -> Reading | None:
        """The signal as the reading of a polled device; None until the first message has arrived or is overdue."""
        signal, flag = self.signal, self._flag
        if not self._received and not self.silent(now_ns):
            return None
        value, error = self._value, self.problem
        if self.silent(now_ns):
            value, flag, quality, error = None, flag | Quality.STALE, quality | Quality.NO_REPLY, self._silence()
            self._report(error, codes.SIGNAL_SILENT, now_ns)
            if not connected:
                error = codes.SIGNAL_DISCONNECTED(cause=error)
        flags = {signal.metric: flag} if flag else {}
        return Reading(signal.device, utc_ns, utc_ns, {signal.metric: value}, quality, flags, error, now_ns)

    def silent(self, now_ns: int) -> bool:
        """Whether no value is known that is new enough."""
        return now_ns - self._since_ns > STALE_EVERY * self.signal.expected_interval_s * 1e9

    def _silence(self) -> Reason:
        code = codes.SIGNAL_SILENT if self._sent_ms is None else codes.SIGNAL_OUTDATED
        return code(topic=self.signal.topic, since_ms=self._since_utc_ns // 1_000_000)

    def _scaled(self, value: float | int) -> float | int:
        if self.signal.scale == 1 and not self.signal.offset:
            return value
        scaled = value * self.signal.scale + self.signal.offset
        if not math.isfinite(scaled):
            raise PayloadError(codes.SCALED_VALUE_NOT_FINITE)
        return scaled

    def _set_value(self, value: float | int | None, flag: Quality, since_ns: int, since_utc_ns: int) -> None:
        self._value, self._flag, self._received = value, flag, True
        self._since_ns, self._since_utc_ns, self._sent_ms = since_ns, since_utc_ns, None
        self.live = False

    def _reject(self, cause: Reason, now_ns: int) -> None:
        self._report(codes.PAYLOAD_REJECTED(topic=self.signal.topic, cause=cause), cause.code, now_ns)

    def _report(self, reason: Reason, code: Code, now_ns: int) -> None:
        """Logs once for each code, until there was no problem for some time."""
        self._bad_ns = now_ns
        self.problem = reason
        if code not in self._logged:
            self._logged.add(code)
            log.warning("%s: %s", self.signal.device, reason)


def _finite(limit: float) -> float | None:
    """The limit; None where the signal has none, because JSON has no infinity."""
    return limit if math.isfinite(limit) else None
