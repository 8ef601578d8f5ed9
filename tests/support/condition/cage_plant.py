"""Cage motors on the line, every bar a mesh: recordings of sound and faulty machines for tests of the condition.

Stator: sinusoidal winding, space vectors. Cage: `bars` meshes in the frame of the rotor, coupled through the
fundamental of the gap field; resistance of each bar on its own. In that frame the electrical equations are linear with
constant coefficients, apart from the small change of speed: they advance with the matrix exponential, the speed with
the trapezoidal rule. The equations of the detector (circle diagram, admittances) are not used here.

What a linear machine only adds to the currents is added from phasors: negative sequence, harmonics, a resistance in
one phase, shorted turns. Source of the mesh equations: Muñoz and Lipo, IEEE Trans. Ind. Appl. 35 (1999) [M].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from support.condition.cage_machine import CageMachine

Array = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.complex128]

STEP_S = 2e-3  # half and quarter of it change lines below 10 Hz by less than 1 %
SETTLE_S = 2.0  # before the record: electrical and mechanical transients
HELD_S = 0.8  # of it at constant speed: the fluxes start away from their steady state
OPEN = 1e4  # resistance of a broken bar relative to a sound one
_A = np.exp(2j * np.pi / 3)


@dataclass(frozen=True)
class Case:
    """One recording.

    load: shaft torque relative to rated. bars: bar → resistance relative to sound (OPEN: broken).
    swings: (Hz, part of the load) of torque oscillations; Hz None: exactly twice the slip frequency.
    once_per_turn: torque once per turn, part of the load. ramp: change of load over the record, part of the load.
    lines: (Hz from the fundamental, relative amplitude) of interharmonics of the voltage; Hz None: exactly 2 s f.
    flicker: relative rms of voltage fluctuation of 0.5 s. dip: (at s, for s, residual, phases).
    u2: negative sequence of the voltage, relative. hot: rotor resistance relative to that of the nameplate.
    contact: ohms more in phase a. turns: current of shorted turns of phase a, relative to rated, and its angle, rad.
    slots: slot harmonics of the current relative to rated: of the slots, and with dynamic eccentricity.
    start_s: the motor is switched on at this second, from standstill. bits: of the converters; full scale is 1.6 × the
    peak at rated load, for a start 12 ×.
    gain: rms error of the channels. wander_hz: rms of the supply frequency.
    """

    machine: CageMachine
    load: float = 0.7
    bars: dict[int, float] = field(default_factory=dict)
    swings: tuple[tuple[float | None, float], ...] = ()
    once_per_turn: float = 0.0
    ramp: float = 0.0
    lines: tuple[tuple[float | None, float], ...] = ()
    flicker: float = 0.0
    dip: tuple[float, float, float, int] | None = None
    u2: complex = 0.003
    harmonics: float = 0.01
    hot: float = 1.0
    u_level: float = 1.0
    f_offset_hz: float = 0.0
    wander_hz: float = 0.022
    noise_fast: float = 0.004
    noise_slow: float = 0.01
    contact: float = 0.0
    turns: tuple[float, float] = (0.0, 0.0)
    start_s: float | None = None
    slots: tuple[float, float] = (0.0, 0.0)
    bits: int = 13
    gain: float = 0.0012
    fs_hz: float = 4000.0
    length_s: float = 18.0
    seed: int = 0


@dataclass(frozen=True)
class Recording:
    """u_v, i_a: shape (3, n). slip: mean over the record, which a detector must not use."""

    fs_hz: float
    u_v: Array
    i_a: Array
    slip: float
    case: Case


def _cage(case: Case) -> tuple[Array, Array]:
    """Resistance and leakage matrices of the meshes; mesh k has the bars k and k + 1."""
    m, n = case.machine, case.machine.bars
    step = 2 * np.pi * m.pairs / n
    mode = n / 3  # stator-referred value of a phase → of the sinusoidal mode of the meshes
    out: list[Array] = []
    for total in (m.rr * case.hot, m.llr):
        ring, bar = m.ring * total * mode, (1 - m.ring) * total * mode / (2 * (1 - np.cos(step)))
        a = np.eye(n) * ring
        for k in range(n):
            own = bar * (case.bars.get(k, 1.0) if not out else 1.0)
            left = (k - 1) % n
            a[k, k] += own
            a[left, left] += own
            a[k, left] -= own
            a[left, k] -= own
        out.append(a)
    return out[0], out[1]


def _system(case: Case) -> tuple[Array, Array, Array]:
    """A, B and fluxes→currents of x' = A x + B u + ω J x in the frame of the rotor; x: ψs (re, im), mesh fluxes."""
    m, n = case.machine, case.machine.bars
    r, leak = _cage(case)
    k = np.arange(n) * 2 * np.pi * m.pairs / n
    inductance = np.zeros((n + 2, n + 2))
    inductance[0, 0] = inductance[1, 1] = m.lls + m.lm
    inductance[0, 2:], inductance[1, 2:] = 2 / 3 * m.lm * np.cos(k), 2 / 3 * m.lm * np.sin(k)
    inductance[2:, 0], inductance[2:, 1] = m.lm * np.cos(k), m.lm * np.sin(k)
    inductance[2:, 2:] = 2 / 3 * m.lm * np.cos(k[:, None] - k[None, :]) + leak
    to_current = np.linalg.inv(inductance)
    resistance = np.zeros((n + 2, n + 2))
    resistance[0, 0] = resistance[1, 1] = m.rs
    resistance[2:, 2:] = r
    a = -resistance @ to_current
    b = np.zeros((n + 2, 2))
    b[0, 0] = b[1, 1] = 1.0
    return a, b, to_current


def _exponential(a: Array, step_s: float) -> tuple[Array, Array, Array]:
    """E = exp(a h) and the weights of the input at the start and at the end of a step, for a linear input."""
    value, vector = np.linalg.eig(a)
    inverse = np.linalg.inv(vector)
    z = value * step_s
    small = np.abs(z) < 1e-6
    safe = np.where(small, 1.0, z)
    phi1 = np.where(small, 1.0, np.expm1(safe) / safe)
    phi2 = np.where(small, 0.5, (phi1 - 1) / safe)

    def full(diagonal: npt.NDArray[np.complex128]) -> Array:
        return np.asarray((vector * diagonal) @ inverse).real

    return full(np.exp(z)), full(step_s * (phi1 - phi2)), full(step_s * phi2)


def _ornstein(rng: np.random.Generator, n: int, tau_s: float) -> Array:
    keep = math.exp(-STEP_S / tau_s)
    noise = rng.standard_normal(n) * math.sqrt(1 - keep**2)
    out = np.empty(n)
    value = float(rng.standard_normal())
    for k, one in enumerate(noise.tolist()):
        value = keep * value + one
        out[k] = value
    return out


def simulate(cases: Sequence[Case], batch: int = 32) -> list[Recording]:
    """All recordings; machines of one batch advance together."""
    order = sorted(range(len(cases)), key=lambda k: (cases[k].length_s, cases[k].machine.bars))
    found: dict[int, Recording] = {}
    while order:
        length = cases[order[0]].length_s
        now = [k for k in order[:batch] if cases[k].length_s == length]
        order = order[len(now) :]
        for k, recording in zip(now, _batch([cases[k] for k in now]), strict=True):
            found[k] = recording
    return [found[k] for k in range(len(cases))]


def _batch(cases: Sequence[Case]) -> list[Recording]:
    rngs = [np.random.default_rng(case.seed) for case in cases]
    supplies = [_supply(case, rng) for case, rng in zip(cases, rngs, strict=True)]
    if all(case.start_s is not None for case in cases):
        runs = [
            Run(_start(case, supply), np.zeros(len(supply.t))) for case, supply in zip(cases, supplies, strict=True)
        ]
    else:
        runs = _run(cases, supplies)
    rows = zip(cases, rngs, supplies, runs, strict=True)
    return [_record(case, rng, supply, run) for case, rng, supply, run in rows]


@dataclass(frozen=True)
class Supply:
    """t: steps, the record begins at 0. u: envelope of the positive sequence, V. phase: its angle, rad.
    torque_nm: of the load. slip, shaft_nm: at mean load."""

    t: Array
    u: Vectors
    phase: Array
    torque_nm: Array
    slip: float
    shaft_nm: float


@dataclass(frozen=True)
class Run:
    """i: envelope of the current. rotor: electrical angle of the rotor."""

    i: Vectors
    rotor: Array


def _supply(case: Case, rng: np.random.Generator) -> Supply:
    m = case.machine
    n = round((case.length_s + SETTLE_S) / STEP_S) + 2
    t = np.arange(n) * STEP_S - SETTLE_S
    u_v, hz = case.u_level * m.volts / math.sqrt(3), m.hz + case.f_offset_hz
    friction_nm = m.friction_w / (2 * np.pi * m.hz / m.pairs)
    shaft_nm = case.load * (m.rated()[1] - friction_nm)
    slip = replace(m, rr=m.rr * case.hot).slip_at(shaft_nm + friction_nm, u_v, hz)
    phase = 2 * np.pi * (hz * t + np.cumsum(_ornstein(rng, n, 3.0)) * case.wander_hz * STEP_S)
    u = _voltage(case, t, slip * hz, rng) * u_v * math.sqrt(2)
    torque = 1 + case.noise_fast * _ornstein(rng, n, 0.3) + case.noise_slow * _ornstein(rng, n, 5.0)
    torque += case.ramp * np.clip(t / case.length_s, 0, 1)
    for swing_hz, part in case.swings:
        f = 2 * slip * hz if swing_hz is None else swing_hz
        torque += part * np.sin(2 * np.pi * f * t + rng.uniform(0, 2 * np.pi))
    return Supply(t, u, phase, shaft_nm * torque + friction_nm, slip, shaft_nm)


def _run(cases: Sequence[Case], supplies: Sequence[Supply]) -> list[Run]:
    """x(k + 1) = advance · (x, u(k), u(k + 1), EMF of the change of speed); i = g · x. x: ψs and the meshes."""
    count, n = len(cases), len(supplies[0].t)
    states = max(case.machine.bars for case in cases) + 2
    advance, g = np.zeros((count, states, states + 6)), np.zeros((count, 2, states))
    x, speed = np.zeros((count, states)), np.empty(count)
    for c, (case, supply) in enumerate(zip(cases, supplies, strict=True)):
        sync = 2 * np.pi * (case.machine.hz + case.f_offset_hz)
        speed[c] = sync * (1 - supply.slip)
        _advance(case, speed[c], advance[c], g[c])
        _flux_start(case.machine, supply.u[0] / (1j * sync), x[c])
    u, phase, load = (np.stack([getattr(s, name) for s in supplies]).T for name in ("u", "phase", "torque_nm"))
    pairs = np.array([case.machine.pairs for case in cases])
    per_nm = STEP_S * pairs / np.array([case.machine.inertia for case in cases])
    turn = np.array([case.once_per_turn * s.shaft_nm for case, s in zip(cases, supplies, strict=True)])
    angle, speed0 = np.zeros(count), speed.copy()
    currents, rotor = np.empty((n, count), complex), np.zeros((n, count))
    v, i = u[0] * np.exp(1j * phase[0]), np.matmul(g, x[:, :, None])[:, :, 0]
    for k in range(n - 1):
        rotor[k], currents[k] = angle, (i[:, 0] + 1j * i[:, 1]) * np.exp(1j * (angle - phase[k]))
        moves = per_nm * (k * STEP_S > HELD_S)
        here = moves * (_torque(pairs, x, i) - load[k] - turn * np.sin(angle / pairs))
        next_angle = angle + STEP_S * (speed + here / 2)
        next_v = u[k + 1] * np.exp(1j * (phase[k + 1] - next_angle))
        change = speed + here / 2 - speed0
        more = (v.real, v.imag, next_v.real, next_v.imag, x[:, 1] * change, -x[:, 0] * change)
        x = np.matmul(advance, np.concatenate([x, np.stack(more, axis=1)], axis=1)[:, :, None])[:, :, 0]
        i = np.matmul(g, x[:, :, None])[:, :, 0]
        there = moves * (_torque(pairs, x, i) - load[k + 1] - turn * np.sin(next_angle / pairs))
        speed, angle, v = speed + (here + there) / 2, next_angle, next_v
    currents[n - 1], rotor[n - 1] = currents[n - 2], angle
    return [Run(currents[:, c], rotor[:, c]) for c in range(count)]


def _torque(pairs: Array, x: Array, i: Array) -> Array:
    return np.asarray(1.5 * pairs * (x[:, 0] * i[:, 1] - x[:, 1] * i[:, 0]))


def _advance(case: Case, speed: float, advance: Array, g: Array) -> None:
    """Write the matrices of one machine at its mean speed; the EMF of a change of speed acts like a voltage."""
    a, b, to_current = _system(case)
    a[0, 1] += speed
    a[1, 0] -= speed
    size = len(a)
    exponential, first, last = _exponential(a, STEP_S)
    advance[:size, :size] = exponential
    advance[:size, advance.shape[1] - 6 :] = np.concatenate([first @ b, last @ b, (first + last) @ b], axis=1)
    g[:, :size] = to_current[:2]


def _flux_start(m: CageMachine, flux: complex, x: Array) -> None:
    """Fluxes of no load without resistance; the rest settles at constant speed."""
    k = np.arange(m.bars) * 2 * np.pi * m.pairs / m.bars
    x[0], x[1] = flux.real, flux.imag
    x[2 : m.bars + 2] = (flux * m.lm / (m.lls + m.lm) * np.exp(-1j * k)).real


def _voltage(case: Case, t: Array, slip_hz: float, rng: np.random.Generator) -> Vectors:
    """Envelope of the positive sequence, relative."""
    out = np.ones(len(t), complex)
    if case.flicker:
        out += case.flicker * _ornstein(rng, len(t), 0.5)
    for hz, size in case.lines:
        f = -2 * slip_hz if hz is None else hz
        out += size * np.exp(1j * (2 * np.pi * f * t + rng.uniform(0, 2 * np.pi)))
    if case.dip is not None:
        at_s, for_s, residual, phases = case.dip
        out[(t >= at_s) & (t < at_s + for_s)] *= (3 - phases + phases * residual) / 3
    return out


def _record(case: Case, rng: np.random.Generator, supply: Supply, run: Run) -> Recording:
    """Samples, with what a linear machine only adds: negative sequence, harmonics, faults of the feeder."""
    m, t = case.machine, supply.t
    at = np.arange(round(case.length_s * case.fs_hz)) / case.fs_hz
    angle = np.interp(at, t, supply.phase)
    turn = np.exp(1j * angle)
    u1, i1 = _cubic(supply.u, t, at), _cubic(run.i, t, at)
    w, peak_v, rated_a = 2 * np.pi * (m.hz + case.f_offset_hz), float(np.abs(u1).mean()), m.rated()[2] * math.sqrt(2)
    inside = t >= 0
    slip = 1 - float(np.ptp(run.rotor[inside]) / np.ptp(supply.phase[inside]))
    drop = case.contact * i1 / 3  # of a resistance in phase a, in each sequence
    shorted = case.turns[0] * rated_a * np.exp(1j * case.turns[1]) / 3
    negative = np.conj(1 / _impedance(m, 2 - supply.slip, w)) * (case.u2 * peak_v - np.conj(drop))
    u_s = u1 * turn + case.u2 * peak_v * np.conj(turn)
    i_s = (i1 - drop / _impedance(m, supply.slip, w) + shorted) * turn + (negative + np.conj(shorted)) * np.conj(turn)
    for order, sign in ((5, -1), (7, 1), (11, -1), (13, 1)):
        line = case.harmonics * peak_v * 5 / order * np.exp(1j * (rng.uniform(0, 2 * np.pi) + sign * order * angle))
        u_s, i_s = u_s + line, i_s + line / (1j * sign * order * w * (m.lls + m.llr))
    shaft = np.interp(at, t, run.rotor) / m.pairs
    for order, size in ((m.bars, case.slots[0]), (m.bars - 1, case.slots[1]), (m.bars + 1, case.slots[1])):
        i_s = i_s + size * rated_a * np.exp(1j * order * shaft) * (np.conj(turn) + 0.7 * turn)
    full_a = (1.6 if case.start_s is None else 12) * rated_a
    return Recording(
        case.fs_hz, _converted(case, rng, u_s, 1.5 * peak_v), _converted(case, rng, i_s, full_a), slip, case
    )


def _converted(case: Case, rng: np.random.Generator, vector: Vectors, full: float) -> Array:
    """Three phases of a space vector, with gain errors, noise and steps of a converter."""
    rows = np.array([(vector * np.conj(_A**k)).real for k in range(3)])
    rows *= 1 + case.gain * rng.standard_normal((3, 1))
    lsb = 2 * full / 2**case.bits
    rows = np.round(rows / lsb + 0.45 * rng.standard_normal(rows.shape)) * lsb
    return np.asarray(np.clip(rows, -full, full - lsb))


def _start(case: Case, supply: Supply) -> Vectors:
    """Envelope of the current of a start: working points of the T circuit, and the decaying offset."""
    m, t, u = case.machine, supply.t, supply.u
    w, u_v = 2 * np.pi * (m.hz + case.f_offset_hz), case.u_level * m.volts / math.sqrt(3)
    load_nm, slip, first, out = case.load * m.rated()[1], 1.0, 0j, np.zeros(len(t), complex)
    for k in np.nonzero(t >= (case.start_s or 0.0))[0]:
        current = m.steady(slip, u_v, w / 2 / np.pi) * math.sqrt(2) * u[k] / abs(u[k])
        first = first or current
        out[k] = current - first * np.exp(-(t[k] - (case.start_s or 0.0)) * (0.02 * w + 1j * w))
        torque = m.torque(slip, u_v, w / 2 / np.pi) - load_nm * (1 - slip) ** 2
        slip = max(slip - torque * STEP_S * m.pairs / m.inertia / w, 1e-4)
    return out


def _impedance(m: CageMachine, slip: float, w: float) -> complex:
    rotor = m.rr / slip + 1j * w * m.llr
    mutual = 1j * w * m.lm
    return m.rs + 1j * w * m.lls + mutual * rotor / (mutual + rotor)


def _cubic(y: Vectors, t: Array, at: Array) -> Vectors:
    """Lagrange interpolation through four points; error 1e-4 for a modulation of 20 Hz in steps of 2 ms."""
    position = (at - t[0]) / STEP_S
    k = np.clip(position.astype(int), 1, len(t) - 3)
    d = position - k
    out: Vectors = (
        -d * (d - 1) * (d - 2) / 6 * y[k - 1]
        + (d + 1) * (d - 1) * (d - 2) / 2 * y[k]
        - (d + 1) * d * (d - 2) / 2 * y[k + 1]
        + (d + 1) * d * (d - 1) / 6 * y[k + 2]
    )
    return out
