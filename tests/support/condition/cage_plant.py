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

Array = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.complex128]

STEP_S = 1e-3
SETTLE_S = 2.0  # before the record: electrical and mechanical transients
HELD_S = 0.8  # of it at constant speed: the fluxes start away from their steady state
OPEN = 1e4  # resistance of a broken bar relative to a sound one
_A = np.exp(2j * np.pi / 3)


@dataclass(frozen=True)
class CageMachine:
    """Rated values and parameters of a phase, stator side, SI units.

    inertia: kg m², motor and load. ring: part of the cage's resistance and leakage that belongs to the end rings.
    """

    kw: float
    poles: int
    hz: float
    volts: float
    bars: int
    rs: float
    rr: float
    lls: float
    llr: float
    lm: float
    inertia: float
    friction_w: float
    ring: float = 0.3

    @property
    def pairs(self) -> int:
        return self.poles // 2

    def steady(self, slip: float, u_v: float, hz: float) -> complex:
        """Stator current (rms phasor, voltage real) of the sound machine."""
        w = 2 * np.pi * hz
        rotor = self.rr / slip + 1j * w * self.llr
        mutual = 1j * w * self.lm
        return u_v / (self.rs + 1j * w * self.lls + mutual * rotor / (mutual + rotor))

    def torque(self, slip: float, u_v: float, hz: float) -> float:
        w = 2 * np.pi * hz
        i1 = self.steady(slip, u_v, hz)
        i2 = i1 * 1j * w * self.lm / (self.rr / slip + 1j * w * (self.llr + self.lm))
        return 3 * self.pairs * abs(i2) ** 2 * self.rr / slip / w

    def slip_at(self, torque_nm: float, u_v: float, hz: float) -> float:
        low, high = 1e-5, 0.12
        for _ in range(40):
            mid = (low + high) / 2
            low, high = (mid, high) if self.torque(mid, u_v, hz) < torque_nm else (low, mid)
        return low

    def rated(self) -> tuple[float, float, float]:
        """Slip, torque and current at rated power."""
        w = 2 * np.pi * self.hz / self.pairs
        slip = 0.01
        for _ in range(5):
            torque = (self.kw * 1e3 + self.friction_w) / (w * (1 - slip))
            slip = self.slip_at(torque, self.volts / math.sqrt(3), self.hz)
        return slip, torque, abs(self.steady(slip, self.volts / math.sqrt(3), self.hz))

    def nameplate(self) -> dict[str, float]:
        slip, torque, amps = self.rated()
        rpm = round(120 * self.hz / self.poles * (1 - slip))
        shaft_nm = self.kw * 1e3 / (rpm * math.pi / 30)
        return {"kw": self.kw, "rpm": rpm, "hz": self.hz, "poles": self.poles, "volts": self.volts,
                "amps": round(amps, 2), "nm": round(shaft_nm, 1), "rotor_bars": self.bars}  # fmt: skip


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


def random_machine(rng: np.random.Generator, **fixed: float) -> CageMachine:
    """A machine of 3 to 250 kW with usual per-unit values."""
    kw = float(fixed.get("kw", np.exp(rng.uniform(np.log(3), np.log(250)))))
    hz = float(fixed.get("hz", rng.choice([50.0, 60.0])))
    poles = int(fixed.get("poles", rng.choice([2, 4, 4, 6, 8])))
    volts = float(fixed.get("volts", rng.choice([380.0, 400.0, 415.0, 690.0] if hz == 50 else [440.0, 460.0, 480.0])))
    bars = int(fixed.get("bars", rng.choice([18, 22, 26, 28, 34, 38, 44, 48, 52, 58, 70])))
    bars = max(bars, 6 * poles // 2)
    size = np.log10(kw)
    base = volts**2 / (kw * 1e3 / (0.80 + 0.05 * size))  # of the apparent power
    w = 2 * np.pi * hz
    rs = base * 0.045 * kw**-0.33 * rng.uniform(0.8, 1.25)
    rr = base * 0.052 * kw**-0.33 * rng.uniform(0.75, 1.3)
    leak = rng.uniform(0.07, 0.105)
    xm = rng.uniform(1.7, 2.4) + 0.5 * size - 0.12 * poles
    inertia_s = np.exp(rng.uniform(np.log(0.08), np.log(2.5)))  # H: kinetic energy over rated power
    inertia = 2 * inertia_s * kw * 1e3 / (w / (poles / 2)) ** 2
    return CageMachine(kw, poles, hz, volts, bars, rs, rr, base * leak / w, base * leak * rng.uniform(0.9, 1.5) / w,
                       base * xm / w, inertia, kw * 1e3 * 0.008, rng.uniform(0.15, 0.4))  # fmt: skip


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
    count = len(cases)
    n = round((cases[0].length_s + SETTLE_S) / STEP_S) + 2
    t = np.arange(n) * STEP_S - SETTLE_S
    states = max(case.machine.bars for case in cases) + 2
    # x(k + 1) = advance · (x, u(k), u(k + 1), EMF of the change of speed); i = g · x
    advance, g = np.zeros((count, states, states + 6)), np.zeros((count, 2, states))
    x, sync, slip0 = np.zeros((count, states)), np.empty(count), np.empty(count)
    u, phase, load, turn = np.empty((n, count), complex), np.empty((n, count)), np.empty((n, count)), np.empty(count)
    pairs, inertia, friction = np.empty(count), np.empty(count), np.empty(count)
    for c, (case, rng) in enumerate(zip(cases, rngs, strict=True)):
        m = case.machine
        u_v, hz = case.u_level * m.volts / math.sqrt(3), m.hz + case.f_offset_hz
        rated_slip, rated_nm, _ = m.rated()
        friction_nm = m.friction_w / (2 * np.pi * m.hz / m.pairs)
        shaft_nm = case.load * (rated_nm - friction_nm)
        warm = replace(m, rr=m.rr * case.hot)
        slip0[c] = slip = warm.slip_at(shaft_nm + friction_nm, u_v, hz)
        w = 2 * np.pi * hz
        speed = w * (1 - slip)
        a, b, to_current = _system(case)
        size = m.bars + 2
        a0 = a.copy()
        a0[0, 1] += speed
        a0[1, 0] -= speed
        ex, p0, p1 = _exponential(a0, STEP_S)
        advance[c, :size, :size] = ex
        advance[c, :size, states:] = np.concatenate([p0 @ b, p1 @ b, (p0 + p1) @ b], axis=1)
        g[c, :, :size] = to_current[:2]
        sync[c], pairs[c], inertia[c], friction[c] = w, m.pairs, m.inertia, friction_nm
        wander = np.cumsum(_ornstein(rng, n, 3.0)) * case.wander_hz * 2 * np.pi * STEP_S
        phase[:, c] = w * t + wander
        u[:, c] = _voltage(case, t, slip * hz, rng) * u_v * math.sqrt(2)
        torque = np.full(n, shaft_nm)
        torque *= 1 + case.noise_fast * _ornstein(rng, n, 0.3) + case.noise_slow * _ornstein(rng, n, 5.0)
        torque += shaft_nm * case.ramp * np.clip(t / case.length_s, 0, 1)
        for swing_hz, part in case.swings:
            f = 2 * slip * hz if swing_hz is None else swing_hz
            torque += shaft_nm * part * np.sin(2 * np.pi * f * t + rng.uniform(0, 2 * np.pi))
        load[:, c], turn[c] = torque, case.once_per_turn * shaft_nm
    electrical, speed = np.zeros(count), sync * (1 - slip0)
    speed0 = speed.copy()
    currents, rotor = np.empty((n, count), complex), np.zeros((n, count))
    _flux_start(cases, x, u[0], slip0, sync)
    v = u[0] * np.exp(1j * phase[0])
    i = np.einsum("cjk,ck->cj", g, x)
    starts = all(case.start_s is not None for case in cases)  # their currents are those of the T circuit
    for k in range(0 if starts else n - 1):
        rotor[k] = electrical
        currents[k] = (i[:, 0] + 1j * i[:, 1]) * np.exp(1j * (electrical - phase[k]))
        torque_e = 1.5 * pairs * (x[:, 0] * i[:, 1] - x[:, 1] * i[:, 0])
        resist = load[k] + friction + turn * np.sin(electrical / pairs)
        moves = float(t[k] > HELD_S - SETTLE_S)
        speed_next = speed + moves * STEP_S * pairs * (torque_e - resist) / inertia
        electrical_next = electrical + STEP_S * (speed + speed_next) / 2
        v_next = u[k + 1] * np.exp(1j * (phase[k + 1] - electrical_next))
        change = (speed + speed_next) / 2 - speed0
        more = (v.real, v.imag, v_next.real, v_next.imag, x[:, 1] * change, -x[:, 0] * change)
        x = np.matmul(advance, np.concatenate([x, np.stack(more, axis=1)], axis=1)[:, :, None])[:, :, 0]
        i = np.matmul(g, x[:, :, None])[:, :, 0]
        torque_e = 1.5 * pairs * (x[:, 0] * i[:, 1] - x[:, 1] * i[:, 0])
        resist_next = load[k + 1] + friction + turn * np.sin(electrical_next / pairs)
        mean = (speed_next - speed) / 2 + moves * STEP_S * pairs * (torque_e - resist_next) / inertia / 2
        speed, electrical, v = speed + mean, electrical_next, v_next
    currents[n - 1], rotor[n - 1] = currents[n - 2], electrical
    return [
        _record(case, rng, t, u[:, c], currents[:, c], phase[:, c], rotor[:, c])
        for c, (case, rng) in enumerate(zip(cases, rngs, strict=True))
    ]


def _flux_start(cases: Sequence[Case], x: Array, u: Vectors, slip: Array, sync: Array) -> None:
    """Stator flux of the steady state without resistance; the rest settles before the record."""
    for c in range(len(cases)):
        flux = u[c] / (1j * sync[c])
        x[c, 0], x[c, 1] = flux.real, flux.imag
        m = cases[c].machine
        k = np.arange(m.bars) * 2 * np.pi * m.pairs / m.bars
        linked = flux * m.lm / (m.lls + m.lm)
        x[c, 2 : m.bars + 2] = (linked * np.exp(-1j * k)).real


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


def _record(
    case: Case, rng: np.random.Generator, t: Array, u: Vectors, i: Vectors, phase: Array, rotor: Array
) -> Recording:
    m = case.machine
    samples = round(case.length_s * case.fs_hz)
    at = np.arange(samples) / case.fs_hz
    angle = np.interp(at, t, phase)
    inside = t >= 0
    slip = 1 - float(np.ptp(rotor[inside]) / np.ptp(phase[inside])) if case.start_s is None else 1.0
    turn = np.exp(1j * angle)
    if case.start_s is not None:
        i = _start(case, t, u)
    u1, i1 = _cubic(u, t, at), _cubic(i, t, at)
    w = 2 * np.pi * (m.hz + case.f_offset_hz)
    admittance_2 = 1 / _impedance(m, 2 - slip, w)
    peak_v = float(np.abs(u1).mean())
    u2 = case.u2 * peak_v  # conjugate space vector of the negative sequence
    lost = case.contact * i1
    e2 = u2 - np.conj(lost / 3)
    u_s, i_s = u1 * turn + np.conj(turn) * u2, (i1 - lost / 3 / _impedance(m, slip, w)) * turn
    i_s = i_s + np.conj(turn) * np.conj(admittance_2) * e2
    shorted = case.turns[0] * m.rated()[2] * math.sqrt(2) * np.exp(1j * case.turns[1])
    i_s = i_s + shorted / 3 * turn + np.conj(shorted / 3 * turn)
    for order, sign in ((5, -1), (7, 1), (11, -1), (13, 1)):
        size = case.harmonics * peak_v * 5 / order * np.exp(1j * rng.uniform(0, 2 * np.pi))
        line = size * np.exp(1j * sign * order * angle)
        u_s = u_s + line
        i_s = i_s + line / (1j * sign * order * w * (m.lls + m.llr))
    rated_a = m.rated()[2] * math.sqrt(2)
    turned = np.interp(at, t, rotor) / m.pairs
    for order, size in ((m.bars, case.slots[0]), (m.bars - 1, case.slots[1]), (m.bars + 1, case.slots[1])):
        i_s = i_s + size * rated_a * (np.exp(1j * (order * turned - angle)) + 0.7 * np.exp(1j * (order * turned + angle)))
    out = []
    for vector, full in ((u_s, 1.5 * peak_v), (i_s, (1.6 if case.start_s is None else 12) * rated_a)):
        rows = np.array([(vector * np.conj(_A**k)).real for k in range(3)])
        rows *= 1 + case.gain * rng.standard_normal((3, 1))
        lsb = 2 * full / 2**case.bits
        rows = np.round(rows / lsb + 0.45 * rng.standard_normal(rows.shape)) * lsb
        out.append(np.clip(rows, -full, full - lsb))
    return Recording(case.fs_hz, out[0], out[1], slip, case)


def _start(case: Case, t: Array, u: Vectors) -> Vectors:
    """Envelope of the current of a start: working points of the T circuit, and the decaying offset."""
    m, at_s = case.machine, case.start_s or 0.0
    w, u_v = 2 * np.pi * (m.hz + case.f_offset_hz), case.u_level * m.volts / math.sqrt(3)
    load_nm, slip = case.load * m.rated()[1], 1.0
    out = np.zeros(len(t), complex)
    first = None
    for k in range(len(t)):
        if t[k] < at_s:
            continue
        current = m.steady(slip, u_v, w / 2 / np.pi) * math.sqrt(2) * u[k] / abs(u[k])
        first = current if first is None else first
        out[k] = current - first * np.exp(-(t[k] - at_s) * (0.02 * w + 1j * w))
        torque = m.torque(slip, u_v, w / 2 / np.pi) - load_nm * (1 - slip) ** 2
        slip = max(slip - torque * STEP_S * m.pairs / m.inertia / w, 1e-4)
    return out


def _impedance(m: CageMachine, slip: float, w: float) -> complex:
    rotor = m.rr / slip + 1j * w * m.llr
    mutual = 1j * w * m.lm
    return m.rs + 1j * w * m.lls + mutual * rotor / (mutual + rotor)


def _cubic(y: Vectors, t: Array, at: Array) -> Vectors:
    """Lagrange interpolation through four points; error 1e-5 for a modulation of 20 Hz in steps of 1 ms."""
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
