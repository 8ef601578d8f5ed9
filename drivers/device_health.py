"""Whether a device responds, how long to wait for it, and whether its values are refreshed."""

from __future__ import annotations

from drivers.errors import (
    ConnectFailed,
    DriverError,
    ForeignMasterActive,
    FrameError,
    ModbusExceptionResponse,
    ResponseQuarantined,
)
from drivers.reasons import Reason
from drivers.refresh_monitor import LOADED, LOADED_BEHIND_PLC, RefreshMonitor
from drivers.response_time import FLOOR_S, ResponseTimeEstimator

SILENCES_MAX, SILENCES_CONTENDED = 3, 2  # attempts without response; those while other devices wait
FIRST_TIMEOUT_S = 0.2  # of a device that never responded
FULL_TIMEOUT_EVERY = 4  # every 4th attempt to such a device has the full time-out
SLOWER_EVERY = 8  # every 8th attempt without response to another device: it may have become slower


class DeviceHealth:
    """Failures and response times of one device.

    timeout_s: longest response time without transmission time.
    behind_gateway: the peer serves several devices in sequence and may still wait for another device.
    floor_s: time that a response may always take.
    behind_plc: the device is a data block of a PLC.

    error: why the last poll or probe failed; None if the device responded.
    bus_failed: whether the bus failed, not the device.
    silences: polls and probes without a response since the last response.
    response_time: estimate from the recent responses.
    refresh: how often the device refreshes its values.
    """

    def __init__(
        self, timeout_s: float, behind_gateway: bool, floor_s: float = FLOOR_S, behind_plc: bool = False
    ) -> None:  # fmt: skip
        self.error: Reason | None = None
        self.bus_failed = False
        self.silences = 0
        self.response_time = ResponseTimeEstimator(timeout_s, floor_s)
        self.refresh = RefreshMonitor(LOADED_BEHIND_PLC if behind_plc else LOADED)
        self._behind_gateway = behind_gateway

    def responded(self, response_s: float, transmission_time_s: float) -> None:
        """Records a response with register contents. response_s: from sending to the complete response."""
        self.response_time.add(max(0.0, response_s - transmission_time_s))
        self.silences, self.error, self.bus_failed = 0, None, False

    def failed(self, error: DriverError) -> None:
        """Records why a poll or probe failed."""
        self.error = error.reason
        self.bus_failed = isinstance(error, ConnectFailed | ForeignMasterActive)
        self.silences += not (
            self.bus_failed or isinstance(error, ModbusExceptionResponse | FrameError | ResponseQuarantined)
        )

    def attempt_timeout_s(self, transmission_time_s: float, contended: bool) -> float:
        """Longest time that the last attempt of a poll waits, in seconds.

        If other devices wait: until the response is overdue. A device that never responded gets its full time-out only
        every fourth time, one that no longer responds every eighth time. Through a gateway always the full time-out,
        because the gateway may wait for another device.
        """
        longest_s, known = self.response_time.longest_s(transmission_time_s), self.response_time.known
        if not contended or self._behind_gateway or (known and self.silences % SLOWER_EVERY == SLOWER_EVERY - 1):
            return longest_s
        if not known and self.silences % FULL_TIMEOUT_EVERY:
            first_s = max(FIRST_TIMEOUT_S, 2 * self.response_time.floor_s)
            return min(longest_s, transmission_time_s + first_s)
        return self.response_time.overdue_s(transmission_time_s)

    def retry_after_s(self, transmission_time_s: float) -> float:
        """Time after which a request without response is repeated, in seconds. Through a gateway the full time-out."""
        if self._behind_gateway:
            return self.response_time.longest_s(transmission_time_s)
        return self.response_time.retry_after_s(transmission_time_s)

    def silent_attempts_max(self, contended: bool) -> int:
        """Number of attempts of a request that may end without a response.

        One if other devices wait and this one did not respond in its last poll: it costs the others one time-out only.
        """
        if not contended:
            return SILENCES_MAX
        return 1 if self.silences or self._behind_gateway or not self.response_time.known else SILENCES_CONTENDED
