"""How long one attempt waits for a response."""

from __future__ import annotations

import pytest

from drivers import error_reasons as codes
from drivers.device_health import DeviceHealth
from drivers.errors import (
    ConnectFailed,
    DriverError,
    ForeignMasterActive,
    FrameError,
    LinkTimeout,
    ModbusExceptionResponse,
)

SILENT = LinkTimeout(codes.NO_RESPONSE, unit_id=1, address=0, timeout_s=1.0)
TRANSMISSION_S = 0.01


def test_an_uncontended_bus_gives_a_device_its_full_timeout() -> None:
    health = DeviceHealth(1.0, behind_gateway=False)
    health.responded(0.02 + TRANSMISSION_S, TRANSMISSION_S)
    assert health.attempt_timeout_s(TRANSMISSION_S, contended=False) == pytest.approx(1.01)


def test_a_contended_bus_waits_three_times_the_slowest_recent_response() -> None:
    health = DeviceHealth(1.0, behind_gateway=False)
    for response_s in (0.02, 0.1, 0.03):
        health.responded(response_s + TRANSMISSION_S, TRANSMISSION_S)
    assert health.attempt_timeout_s(TRANSMISSION_S, contended=True) == pytest.approx(0.31)


def test_a_device_that_never_responded_gets_its_full_timeout_every_fourth_time() -> None:
    health, timeouts_s = DeviceHealth(1.0, behind_gateway=False), []
    for _ in range(8):
        timeouts_s.append(health.attempt_timeout_s(TRANSMISSION_S, contended=True))
        health.failed(SILENT)
    assert timeouts_s == pytest.approx([1.01, 0.21, 0.21, 0.21] * 2)


def test_a_device_that_no_longer_responds_gets_its_full_timeout_every_eighth_time() -> None:
    """It may have become slower than three times its slowest recent response."""
    health, timeouts_s = DeviceHealth(1.0, behind_gateway=False), []
    health.responded(0.02 + TRANSMISSION_S, TRANSMISSION_S)
    for _ in range(16):
        timeouts_s.append(health.attempt_timeout_s(TRANSMISSION_S, contended=True))
        health.failed(SILENT)
    assert timeouts_s == pytest.approx([*[0.07] * 7, 1.01] * 2)


def test_a_gateway_always_gets_the_full_timeout() -> None:
    health = DeviceHealth(1.0, behind_gateway=True)
    health.responded(0.02 + TRANSMISSION_S, TRANSMISSION_S)
    assert health.attempt_timeout_s(TRANSMISSION_S, contended=True) == pytest.approx(1.01)


@pytest.mark.parametrize(
    ("error", "bus_failed", "silences"),
    [
        (SILENT, False, 1),
        (ConnectFailed(codes.PORT_MISSING, port="/dev/x"), True, 0),
        (ForeignMasterActive(codes.LINE_NEVER_SILENT, target="/dev/x"), True, 0),
        (FrameError(codes.RESPONSE_CORRUPT, unit_id=1, address=0), False, 0),
        (ModbusExceptionResponse(0x0B, 1, 0), False, 0),
    ],
)
def test_a_failure_is_one_of_the_bus_or_of_the_device(error: DriverError, bus_failed: bool, silences: int) -> None:
    health = DeviceHealth(1.0, behind_gateway=False)
    health.failed(error)
    assert (health.error, health.bus_failed, health.silences) == (error.reason, bus_failed, silences)
    health.responded(0.02 + TRANSMISSION_S, TRANSMISSION_S)
    assert (health.error, health.bus_failed, health.silences) == (None, False, 0)
