"""The detector of lost phases: found in time, and never where no phase is lost."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.condition_phase import PhaseLossDetector

FS = 4000.0
SHIFTS = np.array([0.0, 2 * np.pi / 3, -2 * np.pi / 3])[:, None]


def balanced(hz, seconds, fs=FS, amplitude=10.0):
    t = np.arange(round(seconds * fs)) / fs
    return amplitude * np.cos(2 * np.pi * hz * t - SHIFTS)


def with_loss(wave, at, phase, rng):
    """The other two exchange the difference of what they carried, with another angle."""
    lost = wave.copy()
    pair = np.roll(wave[phase], int(rng.integers(1, 40)))[at:] * 1.5
    lost[phase, at:], lost[(phase + 1) % 3, at:], lost[(phase + 2) % 3, at:] = 0.0, pair, -pair
    return lost + rng.normal(0, 0.05, wave.shape) + rng.normal(0, 0.03, (3, 1))


def push(wave, fs=FS, floor=1.4, block=250):
    detector = PhaseLossDetector(fs, floor)
    for start in range(0, wave.shape[1], block):
        if detector.push(wave[:, start : start + block]) is not None:
            break
    return detector.loss


@pytest.mark.parametrize("fs", [2000.0, 4000.0, 20000.0])
def test_found_within_60_ms_at_50_hz_at_every_instant(fs):
    rng = np.random.default_rng(7)
    for _ in range(20):
        at, phase = int(0.2 * fs) + int(rng.integers(0, int(fs / 50))), int(rng.integers(3))
        loss = push(with_loss(balanced(50, 0.4, fs), at, phase, rng), fs)
        assert loss.phase == phase
        assert (loss.found_sample - at) / fs < 0.060
        # the loss is dated from the last sample with current: at most a zero crossing before the true one
        assert -0.001 < (loss.sample - at) / fs <= 1 / fs


@pytest.mark.parametrize("hz", [3.0, 20.0, 150.0, 400.0])
def test_found_within_two_periods_at_the_output_of_a_drive(hz):
    wave = balanced(hz, 6 / hz + 0.2)
    at = wave.shape[1] // 2
    loss = push(with_loss(wave, at, 1, np.random.default_rng(1)))
    assert loss.phase == 1
    assert (loss.found_sample - at) / FS < 2 / hz + 0.011  # two periods and a step of 10 ms


def six_pulse(seconds, hz=50.0):
    """A rectifier at light load: two short pulses a half period in each line, nothing between them."""
    t = np.arange(round(seconds * FS)) / FS
    angle = 2 * np.pi * hz * t - SHIFTS
    pulses = sum(np.exp(-(((angle - centre + np.pi) % (2 * np.pi) - np.pi) ** 2) / 0.02) for centre in (-0.52, 0.52))
    return 10 * (pulses - np.roll(pulses, round(FS / hz / 2), axis=1))


def start_on_the_line(seconds):
    t = np.arange(round(seconds * FS)) / FS
    wave = 60 * np.cos(2 * np.pi * 50 * t - SHIFTS)
    return wave * (1 - 0.8 * (t > 0.4)) - wave[:, :1] * np.exp(-t / 0.06)


SOUND = {
    "zero crossings at 0.7 Hz": balanced(0.7, 4.0),
    "low load": balanced(50, 1.0, amplitude=0.3) + np.array([[0.05], [-0.05], [0.0]]),
    "unbalance of 30 %": balanced(50, 1.0) * np.array([[0.55], [1.1], [1.2]]),
    "dip": balanced(50, 1.0) * np.where(np.abs(np.arange(4000) - 2000) < 500, 2.5, 1.0),
    "start": start_on_the_line(1.0),
    "rectifier": six_pulse(1.0),
    "standstill, direct current": np.array([[0.0], [8.0], [-8.0]]) * np.ones((1, 4000)),
    "all phases off": balanced(50, 1.0) * (np.arange(4000) < 2000),
    "one channel dead": balanced(50, 1.0) * np.array([[0.0], [1.0], [1.0]]),
    "no value": np.full((3, 4000), np.nan),
}


@pytest.mark.parametrize("name", SOUND)
def test_no_phase_is_lost(name):
    noise = np.random.default_rng(2).normal(0, 0.03, SOUND[name].shape)
    assert push(SOUND[name] + noise) is None


def test_rectifier_without_a_phase_is_found():
    wave = six_pulse(1.0)
    wave[0, 2000:] = 0
    wave[1, 2000:], wave[2, 2000:] = (wave[1] - wave[2])[2000:], (wave[2] - wave[1])[2000:]
    assert push(wave).phase == 0


def test_blocks_of_every_size_give_the_same():
    wave = with_loss(balanced(50, 0.5), 900, 2, np.random.default_rng(5))
    assert len({push(wave, block=block) for block in (1, 7, 160, 2000)}) == 1


def test_a_gap_starts_again():
    wave = with_loss(balanced(50, 0.5), 900, 2, np.random.default_rng(5))
    wave[:, 980] = np.nan
    assert push(wave).sample > 980
