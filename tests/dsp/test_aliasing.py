"""Incorrectly sampled channels: unfiltered PWM, other aliasing, constant outputs; and correct signals."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.stream import Flag, Stream

SHIFT = np.arange(3)[:, None] / 3
RISK = Flag.ALIAS_RISK | Flag.UNFILTERED_PWM


def pulses(rate_hz, f_hz, carrier_hz, depth):
    """Phase voltages of an ideal two-level inverter and sine currents, sampled without any filter."""
    t = np.arange(int(rate_hz)) / rate_hz
    level = depth * np.sin(2 * np.pi * (f_hz * t - SHIFT))
    u = np.where(level > 2 / np.pi * np.arcsin(np.sin(2 * np.pi * carrier_hz * t)), 300.0, -300.0)
    return np.concatenate((u - u.mean(axis=0), 20 * np.sin(2 * np.pi * (f_hz * t - SHIFT) - 0.5)))


@pytest.mark.parametrize(
    ("rate_hz", "f_hz", "carrier_hz", "depth"),
    [(25600.0, 50.0, 2000.0, 0.8), (10240.0, 50.0, 450.0, 0.8), (10240.0, 50.0, 4000.0, 0.9),
     (102400.0, 30.0, 8000.0, 0.5), (102400.0, 50.0, 2500.0, 1.2)],
)  # fmt: skip
def test_unfiltered_pulses_are_a_risk_and_named(rate_hz, f_hz, carrier_hz, depth):
    for w in Stream(rate_hz, nominal="drive").push(pulses(rate_hz, f_hz, carrier_hz, depth)):
        assert [f & RISK for f in w.channel_flags] == [RISK] * 3 + [0] * 3
        assert w.flags & RISK == RISK
        assert np.isfinite(w.p_w)


def test_the_risk_is_real():
    """A carrier of 8 kHz sampled at 10.24 kS/s: its sidebands at 2f alias to 2140 and 2340 Hz.

    A filtered output of that carrier has no component there.
    """
    w = Stream(10240.0, nominal="drive").push(pulses(10240.0, 50.0, 8000.0, 0.8))[2]
    assert w.flags & Flag.ALIAS_RISK
    assert w.band_u_v[:, :2].max() > 0.05 * w.u1_v


@pytest.mark.parametrize("name", ["D-W01", "D-W02"])
def test_filtered_pulses_are_not_a_risk(name, cases, generate, analyse):
    """The same kind of output, low-pass filtered at 0.45 of the rate before sampling."""
    x, present = generate(cases[name])
    for w in analyse(x, cases[name]["recipe"]["fs"], present=present):
        assert not w.flags & RISK


@pytest.mark.parametrize("rate_hz", [5760.0, 10240.0, 25600.0])
def test_harmonics_noise_and_steps_are_not_a_risk(rate_hz, three):
    """Orders up to 0.40 of the rate with 5 % each, noise of 1 %, eight bits."""
    x = three(50.03, rate_hz, int(2 * rate_hz))
    t = np.arange(x.shape[1]) / rate_hz
    for h in range(5, int(0.4 * rate_hz / 50.03), 6):
        x += 0.05 * np.array([[325.0]] * 3 + [[14.0]] * 3) * np.cos(2 * np.pi * h * 50.03 * t + h)
    x[:3] += 2.3 * np.random.default_rng(2).standard_normal((3, len(t)))
    x[3:] = np.round(x[3:] / 0.2) * 0.2
    assert not any(w.flags & RISK for w in Stream(rate_hz).push(x))


def test_the_noise_of_an_idle_current_is_not_a_risk(three):
    x = three(50.0, 10240.0, 20480)
    x[3:] = 0.02 * np.random.default_rng(3).standard_normal((3, 20480))
    assert not any(w.flags for w in Stream(10240.0).push(x))


def test_a_tone_near_half_the_rate_is_a_risk_but_not_a_pulse(three):
    x = three(50.0, 10240.0, 20480)
    x[1] += 0.05 * 325.0 * np.cos(2 * np.pi * 5000.0 * np.arange(20480) / 10240.0)
    for w in Stream(10240.0).push(x):
        assert w.channel_flags == (Flag.GOOD, Flag.ALIAS_RISK, *(Flag.GOOD,) * 4)


# --- constant signals


@pytest.mark.parametrize("channel", [0, 4])
def test_a_constant_channel_is_withheld_while_it_is_constant(channel, three):
    x = three(50.0, 10240.0, 20480)
    x[channel, 7000:11000] = x[channel, 6999]
    for w in Stream(10240.0).push(x):
        still = min(w.end_index, 11000) - max(w.start_index, 6999)
        assert bool(w.channel_flags[channel] & Flag.CONSTANT_SIGNAL) == (still > 206), "a cycle of 204.8 samples"
        if still > 206:
            both = np.concatenate((w.u_rms_v, w.i_rms_a))
            assert np.isnan(both).tolist() == [c == channel for c in range(6)]
            assert np.isnan(w.p_w)
        if still < 0:
            assert w.flags == Flag.GOOD


def test_a_stuck_line_voltage_of_two_wattmeters_is_withheld(three):
    x = three(50.0, 10240.0, 10240)
    line = np.stack((x[0] - x[1], 0 * x[0], x[2] - x[1], x[3], 0 * x[0], x[5]))
    line[2, 5000:] = 123.0
    windows = Stream(10240.0, wiring="3P3W-2").push(line)
    assert windows[0].flags == Flag.GOOD
    assert windows[-1].channel_flags[:3] == (Flag.CONSTANT_SIGNAL,) * 3
    assert np.isnan(windows[-1].u_rms_v).all()
    assert np.isfinite(windows[-1].i_rms_a).all()


def test_signals_that_are_constant_by_nature_are_not_frozen(three):
    """A switched-off current, a six-step voltage (constant for a sixth of a cycle), a dead phase."""
    x = three(50.0, 10240.0, 20480)
    angle = (50.0 * np.arange(20480) / 10240.0 - SHIFT) % 1.0
    x[:3] = np.where(angle < 0.5, 200.0, -200.0)
    x[4] = 0.0
    windows = Stream(10240.0).push(x)
    x[2] = 0.0
    for w in windows + Stream(10240.0).push(x):
        assert not w.flags & Flag.CONSTANT_SIGNAL
