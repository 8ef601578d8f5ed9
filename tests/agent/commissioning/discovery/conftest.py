"""A serial line with devices to find."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.bus.line_settings_segment import LineSettingsSegment


@pytest.fixture
def line(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LineSettingsSegment]:
    """A line at the settings of the parameter, else at LINE of the module, else at 19200 8N1. It knows the parity with
    which its port is opened."""
    segment = LineSettingsSegment(getattr(request, "param", getattr(request.module, "LINE", "19200 8N1")))

    def parity(_port: str, wanted: str) -> str:
        segment.parity_of_port = wanted
        return "N"

    monkeypatch.setattr("drivers.serial_line.port_parity", parity)
    yield segment
    segment.stop()
