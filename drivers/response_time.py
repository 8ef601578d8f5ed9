"""Response time of a device, without the transmission time, estimated from its recent responses."""

from __future__ import annotations

from collections import deque

MARGIN = 3.0  # factor on the slowest recent response
FLOOR_S = 0.05  # minimum; the operating system may delay a process that long
METER_FLOOR_S = 0.3  # of a meter of DL/T 645, which may take 500 ms at any time: an early repetition would collide
KEEP = 64  # recent responses


class ResponseTimeEstimator:
    """Response times in seconds, from sending to the complete response, less the transmission time of both.

    timeout_s: upper limit, from the profile or the configuration.
    floor_s: lower limit; any response may take this time.
    mean_s: mean of the recent responses.
    """

    def __init__(self, timeout_s: float, floor_s: float = FLOOR_S) -> None:
        self.timeout_s, self.floor_s = timeout_s, floor_s
        self._recent: deque[float] = deque(maxlen=KEEP)
        self.mean_s = self._deviation_s = 0.0

    def add(self, seconds: float) -> None:
        """Records a response time."""
        if not self._recent:
            self.mean_s, self._deviation_s = seconds, seconds / 2
        else:
            self._deviation_s += (abs(seconds - self.mean_s) - self._deviation_s) / 4
            self.mean_s += (seconds - self.mean_s) / 8
        self._recent.append(seconds)

    @property
    def known(self) -> bool:
        """Whether the device has responded at least once."""
        return bool(self._recent)

    def longest_s(self, transmission_time_s: float) -> float:
        """Longest time to wait for a response. transmission_time_s: that of request and response."""
        return self.timeout_s + transmission_time_s

    def overdue_s(self, transmission_time_s: float) -> float:
        """Time after which a response is overdue; `longest_s` before the first response."""
        if not self._recent:
            return self.longest_s(transmission_time_s)
        late_s = max(MARGIN * max(self._recent), self.floor_s)
        return min(self.longest_s(transmission_time_s), transmission_time_s + late_s)

    def retry_after_s(self, transmission_time_s: float) -> float:
        """Time after which a request is repeated that is not given up; `longest_s` before the first response.

        Mean and four mean deviations, as the retransmission time-out of TCP (RFC 6298, 2), so that one slow response
        does not delay the next 64 repetitions.
        """
        if not self._recent:
            return self.longest_s(transmission_time_s)
        usual_s = max(self.mean_s + 4 * self._deviation_s, self.floor_s)
        return min(self.longest_s(transmission_time_s), transmission_time_s + usual_s)
