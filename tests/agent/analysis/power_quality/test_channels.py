"""Waveform channels when kernels cannot be loaded."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from agent.analysis.power_quality.channels import WaveformChannels
from agent.core import kernel_cache
from agent.core.messages import Message
from drivers.reading import Waveform
from drivers.recordings.recording import ROLES

RATE_HZ = 10_240.0


def test_kernels_that_the_system_does_not_load_are_logged_once_and_power_is_still_measured(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise PermissionError(13, "memory with kernels cannot be made executable")

    monkeypatch.setattr(kernel_cache, "is_complete", lambda: True)
    monkeypatch.setattr(kernel_cache, "check_loading", refuse)
    messages: list[Message] = []
    channels = WaveformChannels(messages.append)
    t = np.arange(5 * int(RATE_HZ)) / RATE_HZ
    x = np.array([325 * np.cos(2 * np.pi * 50 * t - 2 * np.pi / 3 * k) for k in (0, 1, 2, 0, 1, 2)])
    with caplog.at_level(logging.ERROR):
        for at in range(0, t.size, 2048):
            start_ns = 1_790_000_000_000_000_000 + round(at / RATE_HZ * 1e9)
            channels.on_block(Waveform("pump", start_ns, at, RATE_HZ, ROLES, x[:, at : at + 2048]))
    [line] = [record.getMessage() for record in caplog.records]
    assert "memory with kernels cannot be made executable" in line
    assert "magwatt compile" in line
    assert messages, "values of the numpy fallback"
