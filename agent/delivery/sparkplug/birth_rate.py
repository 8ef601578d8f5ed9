"""Rate limit of births and retained messages: they are large, and a thousand gateways connect at the same time when
their broker is available again.
"""

from __future__ import annotations

RATE_BYTES_S = 20_000.0
BURST_BYTES = 64_000.0


class BirthRateLimiter:
    """A token bucket that may become negative: urgent messages are sent immediately and delay the others.

    It has no clock: now_s of every call is monotonic time in seconds. It outlives connections, so that the rate also
    holds when a broker or host connects and disconnects repeatedly.
    """

    def __init__(self, rate_bytes_s: float = RATE_BYTES_S, burst_bytes: float = BURST_BYTES) -> None:
        self._rate, self._burst = rate_bytes_s, burst_bytes
        self._tokens = burst_bytes
        self._at_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next birth may be sent; 0: now."""
        self._fill(now_s)
        return 0.0 if self._tokens > 0 else -self._tokens / self._rate + 1e-3

    def spend(self, now_s: float, size: int) -> None:
        """Records that a message of `size` bytes was sent."""
        self._fill(now_s)
        self._tokens -= size

    def _fill(self, now_s: float) -> None:
        if self._at_s is not None:
            self._tokens = min(self._burst, self._tokens + self._rate * (now_s - self._at_s))
        self._at_s = now_s
