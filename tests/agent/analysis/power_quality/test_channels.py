"""Waveforms wait until the kernels are compiled; what prevents that is logged once, and never stops the pipeline."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import pytest

from agent.analysis.power_quality.channels import WaveformChannels
from agent.core import kernel_cache
from agent.core.messages import Message
from drivers.reading import Waveform
from drivers.recordings.recording import ROLES

RATE_HZ, START_NS = 10_240.0, 1_790_000_000_000_000_000


def blocks(device: str = "pump", seconds: float = 5.0) -> Iterator[Waveform]:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    x = np.array([325 * np.cos(2 * np.pi * (50 * t - k / 3)) for k in (0, 1, 2, 0, 1, 2)])
    for at in range(0, t.size, 2048):
        start_ns = START_NS + round(at / RATE_HZ * 1e9)
        yield Waveform(device, start_ns, at, RATE_HZ, ROLES, np.ascontiguousarray(x[:, at : at + 2048]))


class Compiler:
    """Represents the process that compiles; it ends when the test sets its result."""

    code: int | None = None

    def poll(self) -> int | None:
        return self.code


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    made = Compiler()
    monkeypatch.setattr(kernel_cache, "is_complete", lambda: False)
    monkeypatch.setattr(kernel_cache, "start_compilation", lambda: made)
    return made


def test_waveforms_wait_for_the_kernels_and_are_then_analysed(
    compiler: Compiler, caplog: pytest.LogCaptureFixture
) -> None:
    messages: list[Message] = []
    channels = WaveformChannels(messages.append)
    with caplog.at_level(logging.INFO):
        for block in [*blocks("pump"), *blocks("fan")]:
            channels.on_block(block)
        assert (messages, channels.waiting) == ([], {"pump", "fan"})
        compiler.code = 0
        for block in blocks("pump"):
            channels.on_block(block)
    assert [message.kind for message in messages] == ["pq3s", "harmonics"]
    assert channels.waiting == {"fan"}
    assert channels.lost == 0
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_after_a_failed_compilation_waveforms_wait_and_it_is_not_repeated(
    compiler: Compiler, caplog: pytest.LogCaptureFixture
) -> None:
    compiler.code = 1
    channels = WaveformChannels(lambda message: None)
    for block in blocks():
        channels.on_block(block)
    assert channels.waiting == {"pump"}
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    channels.configure({})
    assert not channels.waiting


def test_kernels_that_the_system_does_not_load_are_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise PermissionError(13, "memory with kernels cannot be made executable")

    monkeypatch.setattr(kernel_cache, "is_complete", lambda: True)
    monkeypatch.setattr(kernel_cache, "check_loading", refuse)
    channels = WaveformChannels(lambda message: None)
    for block in blocks():
        channels.on_block(block)
    assert channels.waiting == {"pump"}
    [line] = [record.getMessage() for record in caplog.records]
    assert "memory with kernels cannot be made executable" in line
    assert "magwatt compile" in line
