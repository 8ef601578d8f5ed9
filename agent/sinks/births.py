"""How fast a gateway introduces itself: births and retained texts are large, and a thousand gateways come at once when
their broker is back.
"""

from __future__ import annotations

RATE_BYTES_S = 20_000.0
BURST_BYTES = 64_000.0


class BirthPace:
    """A token bucket that may go into debt: what must be said at once is said, and what can wait pays for it.

    Pure: every call is told the time (monotonic seconds). It outlives connections, so that a broker or host that flaps
    gets no more than this rate.
    """

    def __init__(self, rate_bytes_s: float = RATE_BYTES_S, burst_bytes: float = BURST_BYTES) -> None:
        self._rate, self._burst = rate_bytes_s, burst_bytes
        self._tokens = burst_bytes
        self._at_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """Until the next birth may go; 0: now."""
        self._fill(now_s)
        return 0.0 if self._tokens > 0 else -self._tokens / self._rate + 1e-3

    def spend(self, now_s: float, size: int) -> None:
        self._fill(now_s)
        self._tokens -= size

    def _fill(self, now_s: float) -> None:
        if self._at_s is not None:
            self._tokens = min(self._burst, self._tokens + self._rate * (now_s - self._at_s))
        self._at_s = now_s
