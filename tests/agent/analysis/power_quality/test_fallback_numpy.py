"""Waveforms while the kernels are compiled: values from numpy, flagged, and no compilation in this process."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from support.basics import HandClock
from support.config_text import bus, load, meter, motor, site, table
from support.pipeline import pipeline_of

from agent.analysis.power_quality.fallback_numpy import NumpyFallback
from agent.core import kernel_cache
from agent.core.messages import Message
from agent.runtime.pipeline import Outputs
from drivers.reading import Quality, Waveform
from drivers.recordings.recording import ROLES

RATE_HZ, START_NS = 10240.0, 1_790_000_000_000_000_000
CONFIG = "".join((
    site(), bus(), meter(), motor("m", kw=20, rpm=1500, amps=40),
    table("motor.m.waveform", serial="/dev/ttyUSB9", baud=3000000, measuring_point="motor"),
))  # fmt: skip


def blocks(seconds: float, lost: range = range(0)) -> Iterator[Waveform]:
    """230 V and 40 A, 30 degrees lagging, a fifth harmonic of 10 % in the currents; 49.83 Hz, 62.5 ms each."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * (49.83 * t - np.arange(3)[:, None] / 3)
    u, i = 230 * np.cos(phase), 40 * (np.cos(phase - np.pi / 6) + 0.1 * np.cos(5 * phase))
    samples = math.sqrt(2) * np.vstack([u, i])
    for number, at in enumerate(range(0, samples.shape[1], 640)):
        if number not in lost:
            start_ns = START_NS + round(at / RATE_HZ * 1e9)
            yield Waveform("m", start_ns, at, RATE_HZ, ROLES, np.ascontiguousarray(samples[:, at : at + 640]))


def of(messages: list[Message], kind: str) -> list[Message]:
    return [message for message in messages if message.kind == kind]


def test_a_sine_gives_its_closed_form_marked_warming_up() -> None:
    out: list[Message] = []
    lane = NumpyFallback("m", out.append)
    for block in blocks(6.5):
        lane.on_block(block)
    pq, harmonics = of(out, "pq3s"), of(out, "harmonics")
    assert len(pq) == len(harmonics) == 2
    v = pq[0].values
    assert v["voltage_l2n_v"] == pytest.approx(230, rel=2e-4)
    assert v["current_l1_a"] == pytest.approx(40 * math.sqrt(1.01), rel=2e-4)
    assert v["active_power_w"] == pytest.approx(3 * 230 * 40 * math.cos(math.pi / 6), rel=5e-4)
    assert v["frequency_hz"] == pytest.approx(49.83, abs=1e-3)
    assert v["thd_i_l3_pct"] == pytest.approx(10, abs=0.02)
    assert [v[f"angle_i_l{n}_deg"] for n in (1, 2, 3)] == pytest.approx([-30, -150, 90], abs=0.02)
    assert harmonics[0].values["harmonic_i_l1_a"][5] == pytest.approx(4, rel=2e-3)
    assert all(Quality.WARMING_UP in message.quality for message in out)
    assert [message.t_ms - START_NS // 1_000_000 for message in pq] == [3000, 6000]


def test_no_result_spans_a_gap() -> None:
    out: list[Message] = []
    lane = NumpyFallback("m", out.append)
    for block in blocks(7.0, lost=range(20, 21)):  # one block at 1.25 s: the 3 s begin behind it
        lane.on_block(block)
    (pq,) = of(out, "pq3s")
    assert pq.t_ms - START_NS // 1_000_000 == pytest.approx(21 * 62.5 + 3000, abs=1)
    assert pq.values["active_power_w"] == pytest.approx(3 * 230 * 40 * math.cos(math.pi / 6), rel=5e-4)


def test_a_missing_channel_leaves_the_others_and_no_totals() -> None:
    out: list[Message] = []
    lane = NumpyFallback("m", out.append)
    for block in blocks(3.1):
        lane.on_block(Waveform("m", block.start_ns, block.index, RATE_HZ, ROLES[:4], block.samples[:4]))
    v = of(out, "pq3s")[0].values
    assert v["active_power_w"] is None
    assert v["current_l2_a"] is None
    assert v["voltage_l3n_v"] == pytest.approx(230, rel=2e-4)


def test_a_motor_at_a_standstill_has_no_values_and_no_harmonics() -> None:
    out: list[Message] = []
    lane = NumpyFallback("m", out.append)
    for block in blocks(3.1):
        lane.on_block(replace(block, samples=np.zeros_like(block.samples)))
    (message,) = out
    assert message.kind == "pq3s"
    assert (message.values["frequency_hz"], message.values["windows_left_out"]) == (None, 5)
    assert Quality.GAP in message.quality


class Compiler:
    """Represents the process that compiles; it ends when the test sets its result."""

    code: int | None = None

    def poll(self) -> int | None:
        return self.code


def test_numpy_results_until_the_kernels_are_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> None:
    compiler = Compiler()
    monkeypatch.setattr(kernel_cache, "is_complete", lambda: compiler.code == 0)
    monkeypatch.setattr(kernel_cache, "start_compilation", lambda: compiler)
    out: list[Message] = []
    pipeline = pipeline_of(load(tmp_path, CONFIG), {}, clock, Outputs(out.append))
    for block in blocks(10.0):
        if block.index > 5 * RATE_HZ:
            compiler.code = 0
        pipeline.on_waveform(block)
    warming = [Quality.WARMING_UP in message.quality for message in of(out, "pq3s")]
    assert warming == [True, False]
    first, second = (message.values for message in of(out, "pq3s"))
    assert first["active_power_w"] == pytest.approx(second["active_power_w"], rel=2e-4)


def test_numpy_results_continue_after_a_failed_compilation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> None:
    compiler = Compiler()
    compiler.code = 1
    monkeypatch.setattr(kernel_cache, "is_complete", lambda: False)
    monkeypatch.setattr(kernel_cache, "start_compilation", lambda: compiler)
    out: list[Message] = []
    pipeline = pipeline_of(load(tmp_path, CONFIG), {}, clock, Outputs(out.append))
    for block in blocks(6.5):
        pipeline.on_waveform(block)
    assert [Quality.WARMING_UP in message.quality for message in of(out, "pq3s")] == [True, True]


def test_without_a_writable_directory_there_is_no_cache_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only computer: no home, no directory for temporary files. Kernels are never cached, so numpy is used."""

    def nowhere(*_: Any, **__: Any) -> str:
        raise FileNotFoundError("no usable temporary directory found")

    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", "/proc/none")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    monkeypatch.setattr(kernel_cache.tempfile, "gettempdir", nowhere)
    monkeypatch.setattr(kernel_cache.tempfile, "mkdtemp", nowhere)
    assert not kernel_cache.is_complete()
    assert "NUMBA_CACHE_DIR" not in kernel_cache.os.environ
