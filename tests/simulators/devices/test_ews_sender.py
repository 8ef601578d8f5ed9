"""EWS/1 through a second decoder (tests/support/ews_decoder.py): contents, timing and state of the plant."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from support.ews_decoder import Frame, decode, values

from drivers.ews_stream import Assembler
from drivers.reading import Quality, Waveform
from simulators.devices.ews_sender import EwsSender
from simulators.scenarios.two_pumps import DRIVEN, TwoPumps

START_NS = 1_790_000_000_000_000_000


def run(steps: int, drift_ppm: float = 4.0, moving: bool = False) -> tuple[list[Frame], TwoPumps]:
    station, sender = TwoPumps(Random(1)), EwsSender(1, drift_ppm)
    stream = b""
    for k in range(1, steps + 1):
        if moving:
            station.step(0.2)
        at_ns = k * 200_000_000
        sender.sample(station.trains["pump-2"], dt_s=0.2, utc_ns=10**18 + at_ns, due_ns=at_ns)
        stream += b"".join(sender.due_frames(at_ns + 200_000_000))
    return decode(stream), station


def test_frames_are_numbered_without_gaps() -> None:
    frames, _ = run(15)
    assert [frame.sequence for frame in frames] == list(range(len(frames)))
    samples = [frame for frame in frames if frame.kind == 1]
    assert [frame.index for frame in samples] == [64 * k for k in range(len(samples))]
    assert {frame.count for frame in samples} == {64}
    assert frames[0].kind == 0
    assert len([frame for frame in frames if frame.kind == 0]) == 3
    assert [frame.kind for frame in frames].count(3) == 1
    assert all(frame.flags == 1 for frame in frames)
    assert all(frame.index == frame.device_us == frame.count == 0 for frame in frames if frame.kind != 1)


@pytest.mark.parametrize("drift_ppm", [-50.0, 4.0])
def test_the_clock_of_the_samples_drifts(drift_ppm: float) -> None:
    """Device time against index gives the true rate; time stamps are rounded to 1 µs over 20 s: 0.05 ppm."""
    samples = [frame for frame in run(100, drift_ppm)[0] if frame.kind == 1]
    seconds = (samples[-1].device_us - samples[0].device_us) / 1e6
    rate_hz = (samples[-1].index - samples[0].index) / seconds
    assert (rate_hz / 10240 - 1) * 1e6 == pytest.approx(drift_ppm, abs=0.06)


def test_samples_hold_the_true_harmonics() -> None:
    """Least squares at the known frequency over 1 s.

    Noise of 1.5 counts leaves 0.4 mV and 0.2 mA rms in each component.
    """
    frames, station = run(6)
    train, x = station.trains["pump-2"], values(frames)[:10240]
    theta = 2 * math.pi * train.frequency_hz / (10240 * (1 + 4e-6)) * np.arange(len(x))
    orders = (1, 3, 5, 7, 11, 13, 17, 19, 23, 25, 29, 31, 35, 37, 41, 43, 47, 49)
    basis = np.column_stack([f(h * theta) for h in orders for f in (np.cos, np.sin)])
    fit = np.linalg.lstsq(basis, x, rcond=None)[0]
    size = np.hypot(fit[0::2], fit[1::2]) / math.sqrt(2)
    for k, h in enumerate(orders):
        assert size[k, :3] == pytest.approx(np.abs(train.u_v[:, h]), abs=0.003)
        assert size[k, 3:] == pytest.approx(np.abs(train.i_a[:, h]), abs=0.0015)


def test_samples_hold_the_true_power() -> None:
    """Mean of u·i over 50 complete cycles; tolerance for the fraction of a sample at the end of the window."""
    frames, station = run(6)
    train, x = station.trains["pump-2"], values(frames)
    n = round(50 / train.frequency_hz * 10240)
    power_w = float((x[:n, :3] * x[:n, 3:]).mean(axis=0).sum())
    assert power_w == pytest.approx(train.input_w, rel=2e-5)


def test_no_steps_between_blocks() -> None:
    """At the boundary of two plant steps the signal changes no more than inside them."""
    x = values(run(30, moving=True)[0])
    jump = np.abs(np.diff(x[:, 0], n=2))
    joints = np.arange(2048, len(jump), 2048)
    assert jump[joints].max() <= jump.max()
    assert jump.max() < 1.3 * np.median(np.sort(jump)[-200:])


def test_a_suspended_device_loses_samples_and_flags_it() -> None:
    station, sender = TwoPumps(Random(1)), EwsSender(1, 0.0)
    train = station.trains["pump-2"]
    sender.sample(train, dt_s=0.2, utc_ns=10**18, due_ns=0)
    sender.sample(train, dt_s=10.0, utc_ns=10**18 + 10**10, due_ns=10**10)
    sender.sample(train, dt_s=0.2, utc_ns=10**18 + 10**10 + 2 * 10**8, due_ns=10**10 + 2 * 10**8)
    samples = [frame for frame in decode(b"".join(sender.due_frames(2 * 10**10))) if frame.kind == 1]
    steps = np.diff([frame.index for frame in samples])
    assert sorted(set(steps.tolist())) == [64, 64 + 102400]


def test_without_a_reader_memory_stays_bounded() -> None:
    sender, train = EwsSender(1, 0.0), TwoPumps(Random(1)).trains["pump-2"]
    for k in range(100):
        sender.sample(train, dt_s=0.2, utc_ns=10**18, due_ns=k * 200_000_000)
    assert len(sender.due_frames(10**12)) == 2000


def test_a_stopped_clock_is_flagged_and_loses_no_samples() -> None:
    """Stamps stop, indices continue.

    The reader reports it as soon as the stamps deviate by more than 5 s from its own clock.
    """
    station, sender = TwoPumps(Random(1)), EwsSender(1, 4.0)
    assembler, frames = Assembler("pump-2"), list[Frame]()
    seen: list[tuple[float, Waveform]] = []
    for number in range(1, 61):
        sender.clock_stands = number > 10
        station.step(0.2)
        now_ns = START_NS + number * 200_000_000
        sender.sample(station.trains[DRIVEN], dt_s=0.2, utc_ns=now_ns, due_ns=now_ns)
        for data in sender.due_frames(now_ns + 200_000_000):
            frames += [frame for frame in decode(data) if frame.kind == 1]
            seen += [(number * 0.2, block) for block in assembler.feed(data, now_ns)]
    late = [frame for frame in frames if frame.index > 11 * 2048]
    assert len({frame.device_us for frame in late}) == 1
    assert [frame.index for frame in frames] == [64 * k for k in range(len(frames))]
    flagged = {at_s for at_s, block in seen if Quality.CLOCK_UNSYNCHRONIZED in block.quality}
    assert min(flagged) == pytest.approx(2.0 + 5.0, abs=0.5)
    assert all(at_s in flagged for at_s, _ in seen if at_s > 8)
