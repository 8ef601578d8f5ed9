"""Powers, IEEE 1459, unbalance and energy of a window: closed forms, developer cases and symmetries."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.power import laws, means, seeds, window

from dsp import ieee1459, power

ALL = np.ones(6, dtype=np.uint8)


def phasors(x, cycles):
    lines = np.sqrt(2) * np.fft.rfft(x, axis=1)[:, cycles] / x.shape[1]
    return np.stack((lines.real, lines.imag), axis=1).copy()


def totals(mean, phasor, *, mapped=ALL, good=ALL, rotation=1, wires=4):
    out = np.zeros(power.RESULTS)
    power.totals(mean, phasor, mapped, good, rotation, wires, out)
    return out


def resolve(x, n, cycles, wires):
    """All quantities of one window by their names in IEEE 1459; wires 1 is a single phase."""
    mean, phasor = means(window(x, n)), phasors(x[:, :n], cycles)
    out = np.zeros(ieee1459.RESULTS)
    if wires == 1:
        ieee1459.single(mean, phasor, 0, out)
        return ieee1459.named(out[: len(ieee1459.SINGLE)])
    ieee1459.three(mean, phasor, totals(mean, phasor, wires=wires), wires, out)
    return ieee1459.named(out)


@pytest.mark.parametrize(("name", "cycles"), [("D-P01", 12), ("D-P02", 12), ("D-P03", 10), ("D-P04", 12)])
def test_ieee_1459_cases(name, cycles, cases, generate):
    case = cases[name]
    x, _ = generate(case)
    got = resolve(x, round(case["recipe"]["fs"] * 0.2), cycles, case["wires"])
    got["S_arithmetic"] = got.get("SA")
    checked = 0
    for expected in case["expected"]:
        key = expected["q"].removeprefix("1459.")
        if key not in got:
            assert not expected["q"].startswith("1459."), key
            continue
        # the windows contain an integer number of samples: only rounding errors, far below the tolerance of the case
        assert got[key] == pytest.approx(expected["value"], rel=1e-6, abs=1e-3), key
        checked += 1
    assert checked >= 15


def test_three_wire_power_is_independent_of_the_voltage_reference(cases, generate):
    x, _ = generate(cases["D-P04"])
    want = resolve(x, 3072, 12, 3)
    moved = x.copy()
    moved[:3] += 50.0 * np.sqrt(2) * np.sin(2 * np.pi * 180.0 * np.arange(x.shape[1]) / 15360.0) + 20.0
    got = resolve(moved, 3072, 12, 3)
    for key in ("P", "Ve", "Ie", "Ve1", "Se", "PFe", "S1plus"):
        assert got[key] == pytest.approx(want[key], rel=1e-9)
    assert resolve(moved, 3072, 12, 4)["Ve"] > 1.01 * want["Ve"]


@laws
@given(seed=seeds)
def test_apparent_power_resolves_into_orthogonal_parts(seed):
    """Se^2 = Se1^2 + DeI^2 + DeV^2 + SeH^2, Se^2 = P^2 + N^2, Se1^2 = S1plus^2 + SU1^2, S >= |P|."""
    x = np.random.default_rng(seed).standard_normal((6, 400))
    for wires in (1, 3, 4):
        g = resolve(x, 400, 10, wires)
        e = "e" if wires > 1 else ""
        se, se1 = g["Se" if e else "S"], g["Se1" if e else "S1"]
        parts = se1**2 + g[f"D{e}I"] ** 2 + g[f"D{e}V"] ** 2 + g[f"S{e}H"] ** 2
        assert parts == pytest.approx(se**2, rel=1e-9)
        assert g[f"S{e}N"] ** 2 + se1**2 == pytest.approx(se**2, rel=1e-9)
        assert g["N"] ** 2 + g["P"] ** 2 == pytest.approx(se**2, rel=1e-9)
        if e:
            assert g["SU1"] ** 2 + g["S1plus"] ** 2 == pytest.approx(se1**2, rel=1e-9)


@laws
@given(seed=seeds, a=st.floats(0.01, 100.0), b=st.floats(-100.0, 100.0).filter(lambda b: abs(b) > 0.01))
def test_powers_are_bilinear_and_unbalance_does_not_scale(seed, a, b):
    x = np.random.default_rng(seed).standard_normal((6, 200))
    scaled = x * np.array([a] * 3 + [b] * 3)[:, None]
    one, two = (totals(means(window(y, 200)), phasors(y, 7)) for y in (x, scaled))
    for k in (power.P, power.Q1, power.P1, power.P1_PLUS, power.Q1_PHASE):
        assert two[k] == pytest.approx(a * b * one[k], rel=1e-9, abs=1e-12 * a * abs(b))
    for k in (power.S, power.S1_PLUS, power.S_PHASE):
        assert two[k] == pytest.approx(a * abs(b) * one[k], rel=1e-9)
    for k in (power.U2_PCT, power.U0_PCT, power.I2_PCT, power.I0_PCT, power.U_NEMA_PCT, power.I_NEMA_PCT):
        assert two[k] == pytest.approx(one[k], rel=1e-9)
    assert two[power.PF] == pytest.approx(np.sign(b) * one[power.PF], rel=1e-9)


@laws
@given(seed=seeds)
def test_three_phases_commute(seed):
    """A cyclic exchange of phases changes no total; exchanging two phases exchanges the sequences."""
    x = np.random.default_rng(seed).standard_normal((6, 200))
    one = totals(means(window(x, 200)), phasors(x, 7))
    turned = x[[1, 2, 0, 4, 5, 3]]
    two = totals(means(window(turned, 200)), phasors(turned, 7))
    swapped = x[[1, 0, 2, 4, 3, 5]]
    three = totals(means(window(swapped, 200)), phasors(swapped, 7), rotation=-1)
    keys = [power.P, power.Q1, power.S, power.PF, power.DPF, *range(power.U_SEQUENCE, power.I_NEMA_PCT + 1), power.VE2]
    assert two[keys] == pytest.approx(one[keys], rel=1e-9, nan_ok=True)
    assert three[keys] == pytest.approx(one[keys], rel=1e-9, nan_ok=True)
    assert two[power.Q1_PHASE] == pytest.approx(one[power.Q1_PHASE + 1], rel=1e-9)


def test_sequences_of_made_up_phasors():
    """Phasors composed of known symmetrical components give these components."""
    a = np.exp(2j * np.pi / 3)
    zero, one, two = 3.0 * np.exp(0.3j), 100.0 * np.exp(1.1j), 7.0 * np.exp(-2.0j)
    u = np.array([zero + one + two, zero + a**2 * one + a * two, zero + a * one + a**2 * two])
    p = np.concatenate((u, 0.1 * u))
    mean = np.ones(power.SUMS) * 1e4
    out = totals(mean, np.stack((p.real, p.imag), axis=1).copy())
    assert out[power.U_SEQUENCE : power.U_SEQUENCE + 3] == pytest.approx([3.0, 100.0, 7.0])
    assert out[power.I_SEQUENCE : power.I_SEQUENCE + 3] == pytest.approx([0.3, 10.0, 0.7])
    assert out[[power.U2_PCT, power.U0_PCT, power.I2_PCT, power.I0_PCT]] == pytest.approx([7.0, 3.0, 7.0, 3.0])


@pytest.mark.parametrize("name", ["D-U01", "D-U02", "D-U03"])
def test_unbalance_from_line_voltages(name, cases):
    """The phasors of the line voltages form a triangle of these sides; its phase voltages have no zero sequence."""
    case = cases[name]
    ab, bc, ca = lines = [float(case["inputs"][k]) for k in ("uab", "ubc", "uca")]
    corner = np.arccos((ab**2 + bc**2 - ca**2) / (2 * ab * bc))
    u_ab, u_bc = complex(ab), bc * np.exp(1j * (corner - np.pi))
    u_ca = -u_ab - u_bc
    u = np.array([u_ab - u_ca, u_bc - u_ab, u_ca - u_bc]) / 3
    p = np.concatenate((u, u))
    out = totals(np.ones(power.SUMS), np.stack((p.real, p.imag), axis=1).copy())
    for e in case["expected"]:
        found = power.nema_pct(*lines) if e["q"] == "nema_mg1_percent" else out[power.U2_PCT]
        assert found == pytest.approx(e["value"], abs=e["abs"])


def test_unbalance_of_nothing_is_nan():
    assert np.isnan(power.nema_pct(0.0, 0.0, 0.0))


def test_two_wattmeters_agree_with_three(cases, generate):
    """D-P04 has no neutral: u12, u32, i1, i3 alone give the same powers, sequences and phase values."""
    case = cases["D-P04"]
    x, _ = generate(case)
    two = np.full_like(x, 1e9)
    two[0], two[2], two[3], two[5] = x[0] - x[1], x[2] - x[1], x[3], x[5]
    power.two_to_three(two, x.shape[1])
    assert two == pytest.approx(x, rel=1e-9, abs=1e-9)


@laws
@given(seed=seeds)
def test_two_wattmeters_sum_to_the_power(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((6, 100))
    u12, u32, i1, i3 = (x[k].copy() for k in (0, 2, 3, 5))
    power.two_to_three(x, 100)
    assert (x[:3] * x[3:]).sum(axis=0) == pytest.approx(u12 * i1 + u32 * i3, rel=1e-9, abs=1e-12)
    assert x[:3].sum(axis=0) == pytest.approx(np.zeros(100), abs=1e-12)
    assert x[3:].sum(axis=0) == pytest.approx(np.zeros(100), abs=1e-12)


def test_missing_halves_of_a_phase():
    x = np.random.default_rng(5).standard_normal((6, 200))
    mean, phasor = means(window(x, 200)), phasors(x, 7)
    no_u2 = np.array([1, 0, 1, 1, 1, 1], dtype=np.uint8)
    out = totals(mean, phasor, mapped=no_u2, good=no_u2)
    assert out[power.P] == pytest.approx(mean[12] + mean[14])  # phase 2 has no pair of channels and does not count
    assert np.isnan(out[power.U2_PCT])
    assert not np.isnan(out[power.I2_PCT])
    out = totals(mean, phasor, good=no_u2)  # a gap in an existing pair makes the total NaN
    assert np.isnan(out[[power.P, power.S, power.PF, power.U2_PCT, power.S_PHASE + 1]]).all()
    assert not np.isnan(out[[power.S_PHASE, power.I2_PCT, power.DPF_PHASE]]).any()


def test_no_current_gives_no_factors():
    x = np.random.default_rng(6).standard_normal((6, 200))
    x[3:] = 0.0
    out = totals(means(window(x, 200)), phasors(x, 7))
    assert out[power.P] == 0.0
    assert np.isnan(out[[power.PF, power.DPF, power.PF_PHASE, power.DPF_PHASE, power.I2_PCT, power.I_NEMA_PCT]]).all()


@laws
@given(seed=seeds, cuts=st.lists(st.floats(2.0, 97.0), min_size=1, max_size=6))
def test_no_energy_is_lost_between_windows(seed, cuts):
    """Windows cut at any position within cells: the parts add up to the complete sum, except for rounding."""
    x = np.random.default_rng(seed).standard_normal((6, 100))
    borders = [1.5, *sorted(cuts), 97.5]
    total = np.zeros(power.SUMS)
    for start, end in pairwise(borders):
        lo, hi = int(np.floor(start + 0.5)), int(np.ceil(end - 0.5))
        if hi <= lo:  # windows of a stream are longer than a cell
            return
        mean, first, last = np.zeros(power.SUMS), lo + 0.5 - start, end - (hi - 0.5)
        power.sums(x, lo, hi, first, last, mean)
        power.ends(x, lo, hi, first, last, mean)
        total += mean * (end - start)
    part = x[:, 2:98]
    assert total[:6] == pytest.approx(part.sum(axis=1), abs=1e-9)
    assert total[12:15] == pytest.approx((part[:3] * part[3:]).sum(axis=1), abs=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.37, 0.5, 0.8])
def test_rms_of_a_cut_sine(shift):
    """50.13 Hz at 10,240 S/s, ten cycles from any position: curvature in the two partial cells causes 2e-7."""
    f, rate = 50.13, 10240.0
    start = 5.0 + shift
    end = start + 10 * rate / f
    k = np.arange(int(end) + 10)
    x = np.sin(2 * np.pi * f / rate * k + np.arange(6)[:, None])
    lo, hi = int(np.floor(start + 0.5)), int(np.ceil(end - 0.5))
    out, first, last = np.zeros(power.SUMS), lo + 0.5 - start, end - (hi - 0.5)
    power.sums(x, lo, hi, first, last, out)
    power.ends(x, lo, hi, first, last, out)
    assert np.sqrt(2 * out[6:12]) == pytest.approx(np.ones(6), abs=2e-7)
    assert 2 * out[12:15] == pytest.approx(np.full(3, np.cos(3.0)), abs=4e-7)
