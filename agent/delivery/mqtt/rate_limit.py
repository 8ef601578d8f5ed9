"""Rate limits of what is sent to a broker. They have no clock: now_s of every call is monotonic time in seconds."""

from __future__ import annotations

import random

RATE_MIN = 50.0  # rows/s; the rate is at least LIVE_FACTOR times the rate of live rows
LIVE_FACTOR = 5.0
JITTER = 0.2
BURST_S = 0.2
GATHER_S = 0.05  # rows of this time are sent together: a turn of the connection costs as much as a row
SLOW_S, STUCK_S = 0.3, 1.0  # confirmation time that halves the rate; that reduces it to PROBE_RATE
PROBE_RATE = 1.0  # rows/s
LIVE_TAU_S = 30.0
RATE_BYTES_S, BURST_BYTES = 20_000.0, 64_000.0  # of births and retained messages


class BackfillRateLimiter:
    """Rate of the backfill: a token bucket with jitter, which slows down for live rows and for a slow broker.

    chance: source of the jitter.
    rate_max: rows/s; None: derived from the rate of live rows.
    """

    def __init__(self, chance: random.Random, rate_max: float | None = None) -> None:
        self._chance, self.rate_max = chance, rate_max
        self._tokens = 0.0
        self._at_s: float | None = None
        self._live_per_s = 0.0
        self._live_at_s: float | None = None
        self._ack_s = 0.0
        self._paused_until_s = 0.0

    def rate(self) -> float:
        """Present rate, rows/s."""
        if self._ack_s > STUCK_S:
            return PROBE_RATE
        rate = self.rate_max or max(RATE_MIN, LIVE_FACTOR * self._live_per_s)
        return rate / 2 if self._ack_s > SLOW_S else rate

    def grant(self, now_s: float, wanted: int) -> int:
        """Number of the `wanted` rows that may be sent now."""
        if self._at_s is None:
            self._at_s = now_s
        elapsed_s, self._at_s = now_s - self._at_s, now_s
        rate = self.rate()
        self._tokens += elapsed_s * rate * self._chance.uniform(1 - JITTER, 1 + JITTER)
        self._tokens = min(self._tokens, max(1.0, rate * BURST_S))
        if now_s < self._paused_until_s or self._tokens < min(wanted, self._batch(rate)):
            return 0
        granted = min(wanted, int(self._tokens))
        self._tokens -= granted
        return granted

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next rows may be sent."""
        if now_s < self._paused_until_s:
            return self._paused_until_s - now_s
        rate = self.rate()
        return max(0.0, self._batch(rate) - self._tokens) / rate

    @staticmethod
    def _batch(rate: float) -> float:
        return max(1.0, rate * GATHER_S)

    def on_live_rows(self, now_s: float, rows: int) -> None:
        """Records the number of live rows that were sent."""
        if self._live_at_s is None:
            self._live_at_s = now_s
            return
        elapsed_s, self._live_at_s = max(1e-3, now_s - self._live_at_s), now_s
        share = min(1.0, elapsed_s / LIVE_TAU_S)
        self._live_per_s += share * (rows / elapsed_s - self._live_per_s)

    def on_confirmed(self, took_s: float) -> None:
        """Records the response time of the newest confirmation, seconds."""
        self._ack_s = took_s

    def on_waiting(self, oldest_s: float) -> None:
        """Records the time that the oldest unconfirmed row has waited, seconds."""
        self._ack_s = max(self._ack_s, oldest_s) if oldest_s > SLOW_S else self._ack_s

    def pause(self, now_s: float, seconds: float) -> None:
        """Sends nothing for this time, as the broker requires."""
        self._paused_until_s = now_s + seconds


class BirthRateLimiter:
    """Rate of births and retained messages, which are large: a thousand gateways connect at the same time when their
    broker is available again.

    A token bucket that may become negative: urgent messages are sent immediately and delay the others. It outlives
    connections, so that the rate also holds when a broker or host connects and disconnects repeatedly.
    """

    def __init__(self) -> None:
        self._tokens = BURST_BYTES
        self._at_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next birth may be sent; 0: now."""
        self._fill(now_s)
        return 0.0 if self._tokens > 0 else -self._tokens / RATE_BYTES_S + 1e-3

    def spend(self, now_s: float, size: int) -> None:
        """Records that a message of `size` bytes was sent."""
        self._fill(now_s)
        self._tokens -= size

    def _fill(self, now_s: float) -> None:
        if self._at_s is not None:
            self._tokens = min(BURST_BYTES, self._tokens + RATE_BYTES_S * (now_s - self._at_s))
        self._at_s = now_s
