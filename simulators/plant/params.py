"""Parameter records of the plant, each with its source. SI units; machine resistances and reactances per star phase.

What nobody measured is called an assumption here, and stays one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulators.plant import check

COPPER_PER_K = 0.00393  # resistance of copper against 20 degC
ALUMINIUM_PER_K = 0.0044  # of a cast cage
NDFEB_PER_K = -0.0011  # remanence of sintered NdFeB against 20 degC, typical data-sheet value from memory


@dataclass(frozen=True, slots=True)
class InductionMotor:
    """T equivalent circuit, star equivalent, values at running temperature and `frequency_hz`."""

    power_w: float
    volts_v: float  # line to line
    frequency_hz: float
    pole_pairs: int
    speed_rpm: float
    current_a: float
    rs_ohm: float
    xl1_ohm: float
    rr_ohm: float
    xl2_ohm: float
    xm_ohm: float
    rfe_ohm: float
    friction_w: float  # at rated speed
    additional_w: float  # stray load loss at rated current and speed
    inertia_kg_m2: float = 1.0

    def __post_init__(self) -> None:
        check.induction(self)


@dataclass(frozen=True, slots=True)
class MagnetMotor:
    """Permanent-magnet machine in dq, amplitude-invariant: flux and currents are peak values."""

    power_w: float
    volts_v: float  # line to line at the rated point
    current_a: float  # rms at the rated point
    speed_rpm: float
    pole_pairs: int
    rs20_ohm: float  # per phase at 20 degC
    ld_h: float
    lq_h: float
    flux20_wb: float  # peak, at 20 degC
    core_s: float  # conductance of the core branch at rated frequency, per phase; 0: no core loss
    core_hysteresis: float  # share of the core loss at rated speed that grows with f, the rest with f²
    friction_w: float  # at rated speed
    additional_w: float  # at rated current and speed, losses from the converter's harmonics included
    rise_k: float = 70.0  # winding over coolant at rated loss
    losses_w: float = 2130.0  # total at the rated point
    inertia_kg_m2: float = 0.6

    def __post_init__(self) -> None:
        check.magnet(self)

    @property
    def omega_rated(self) -> float:
        """Electrical angular frequency at rated speed, rad/s."""
        return self.speed_rpm / 60 * 2 * math.pi * self.pole_pairs

    @property
    def torque_rated_nm(self) -> float:
        return self.power_w / (self.speed_rpm / 60 * 2 * math.pi)


@dataclass(frozen=True, slots=True)
class LineStartMotor:
    """A magnet motor with a cage that starts it on the line; cage values star, per phase, at `frequency_hz`."""

    machine: MagnetMotor
    frequency_hz: float
    cage_ohm: float
    cage_x_ohm: float  # with the stator's leakage

    def __post_init__(self) -> None:
        check.line_start(self)


@dataclass(frozen=True, slots=True)
class Drive:
    """Two-level converter behind a six-pulse diode bridge with a DC choke. Its losses: drive.loss_terms.

    Forward voltages are threshold + slope·i. The bridge's: of one diode, two conduct at a time.
    """

    power_w: float
    current_a: float
    choke_ohm: float  # ωL of the DC loop at 50 Hz: DC choke + 2 × line
    line_ohm: float  # ωL of one line phase at 50 Hz
    capacitor_s: float  # ωC of the DC bus at 50 Hz
    fixed_w: float  # fans, electronics, filters: with or without load
    switch_v: float
    switch_ohm: float
    diode_v: float
    diode_ohm: float
    switching_j_per_va: float  # on, off and recovery, for each V and A that is switched
    carrier_hz: float
    bridge_v: float
    bridge_ohm: float
    choke_r_ohm: float
    unbalance_gain: float = 3.0  # relative negative-sequence current per relative negative-sequence voltage

    def __post_init__(self) -> None:
        check.drive(self)


@dataclass(frozen=True, slots=True)
class Pump:
    """Radial pump at reference speed: head H0 − a·Q², shaft power P·(b0 + b1·φ + b2·φ²) with φ = Q/Qr."""

    speed_rpm: float
    flow_m3_s: float
    power_w: float
    head0_m: float
    head_fall: float  # a, m per (m³/s)²
    power_shape: tuple[float, float, float]
    static_head_m: float
    pipe: float  # k of the open system, m per (m³/s)²

    def __post_init__(self) -> None:
        check.pump(self)


@dataclass(frozen=True, slots=True)
class Grid:
    """The supply of both motor feeders. A feeder sees its own distortion only, through the source impedance."""

    volts_v: float  # line to line, mean
    frequency_hz: float
    volts_sigma: float  # relative
    frequency_sigma_hz: float
    tau_s: float
    negative: complex  # negative-sequence voltage against the positive one
    harmonics: tuple[tuple[int, float, float], ...]  # order, share of the fundamental, angle in degrees
    source_ohm: float  # resistance of the supply per phase
    source_x_ohm: float  # its reactance at 50 Hz

    def __post_init__(self) -> None:
        check.grid(self)


# Fitted to typical catalogue values (IE1 efficiency of IEC 60034-30-1; speed, power factor, breakdown of catalogues).
IE1_55KW = InductionMotor(
    power_w=55000.0,
    volts_v=400.0,
    frequency_hz=50.0,
    pole_pairs=2,
    speed_rpm=1475.0,
    current_a=100.22682879273484,
    rs_ohm=0.04226697591687947,
    xl1_ohm=0.22688867836257318,
    rr_ohm=0.040434214698573986,
    xl2_ohm=0.22688867836257318,
    xm_ohm=6.0476403514281,
    rfe_ohm=134.7929468960523,
    friction_w=471.76981541802456,
    additional_w=973.2901850044334,
)


def magnet_motor_per_unit(
    *,
    power_w: float,
    base_v: float,
    speed_rpm: float,
    pole_pairs: int,
    rs20: float,
    xd: float,
    xq: float,
    flux20: float,
    core: float,
    core_hysteresis: float,
    friction_w: float,
    additional_w: float,
    volts_v: float,
    current_a: float,
    losses_w: float,
) -> MagnetMotor:
    """SI from per unit: base impedance base_v²/power_w, base flux √2·base_v/(√3·ω)."""
    omega = speed_rpm / 60 * 2 * math.pi * pole_pairs
    base_ohm = base_v**2 / power_w
    return MagnetMotor(
        power_w=power_w,
        volts_v=volts_v,
        current_a=current_a,
        speed_rpm=speed_rpm,
        pole_pairs=pole_pairs,
        rs20_ohm=rs20 * base_ohm,
        ld_h=xd * base_ohm / omega,
        lq_h=xq * base_ohm / omega,
        flux20_wb=flux20 * math.sqrt(2 / 3) * base_v / omega,
        core_s=core / base_ohm,
        core_hysteresis=core_hysteresis,
        friction_w=friction_w,
        additional_w=additional_w,
        losses_w=losses_w,
    )


# ASSUMPTION: no public dq set of an industrial 55 kW magnet motor was found. Per-unit values lie in the usual range
# (Rs 0.008–0.02, Xd 0.3–0.5, Xq 0.4–0.9, flux 0.85–1.0). Losses at the rated point are 2130 W, split copper 50, core
# 30, friction 12, additional 8 %: between what class IE5 (IEC TS 60034-30-2, 4-pole column, 96.5 %) allows on a sine
# supply, 1995 W, and on a converter (+15 %), 2294 W.
MAGNET_55KW = magnet_motor_per_unit(
    power_w=55000.0,
    base_v=360.0,
    speed_rpm=1500.0,
    pole_pairs=4,
    rs20=0.01154344182219133,
    xd=0.32,
    xq=0.42,
    flux20=0.97,
    core=0.011221906780922096,
    core_hysteresis=0.4,
    friction_w=255.6,
    additional_w=170.4,
    volts_v=371.8,
    current_a=99.64639376223805,
    losses_w=2130.0,
)

# ASSUMPTION: the same losses in a machine for the line, 4 poles, EMF near the supply's voltage; no measured set was
# found.
LINE_START_55KW = LineStartMotor(
    machine=magnet_motor_per_unit(
        power_w=55000.0,
        base_v=400.0,
        speed_rpm=1500.0,
        pole_pairs=2,
        rs20=0.012,
        xd=0.45,
        xq=0.75,
        flux20=0.98,
        core=0.0105,
        core_hysteresis=0.4,
        friction_w=255.6,
        additional_w=170.4,
        volts_v=400.0,
        current_a=85.0,
        losses_w=2130.0,
    ),
    frequency_hz=50.0,
    cage_ohm=0.05,
    cage_x_ohm=0.45,
)

# Set once by two sources, neither of which is IEC 61800-9-2, which the agent leans on. What grows with the load: data
# sheets at a hot junction. IGBT and its energies 21 + 20 mJ at 200 A, 600 V: Semikron SKM200GB12T4; recovery 35 mJ at
# 450 A and the diode's 1.75 V there: Infineon FF450R12KT4 (as github.com/pwr-control/library lists it), for 200 A,
# threshold 0.9 V [M]; bridge: Powersem PSB 162; carrier and choke: usual [M]. What does not grow: what the US DOE's
# table of drive efficiencies (vfd_efficiency_doe.csv, 3 to 400 hp) leaves beside these, least squares of the
# logarithms; with machines._FIXED.
DRIVE_55KW = Drive(
    power_w=55000.0,
    current_a=103.0,
    choke_ohm=0.24,
    line_ohm=0.008,
    capacitor_s=1.04,  # 3.3 mF: 6 mF for 100 kW, usual
    fixed_w=660.0,
    switch_v=0.7,
    switch_ohm=0.0075,
    diode_v=0.9,
    diode_ohm=0.00425,
    switching_j_per_va=0.0566 / 200 / 600,
    carrier_hz=4000.0,
    bridge_v=0.8,
    bridge_ohm=0.003,
    choke_r_ohm=0.010,
)

# ASSUMPTION: shape of a radial pump of specific speed about 30; 50 kW shaft at 600 m³/h and 25 m.
COOLING_PUMP = Pump(
    speed_rpm=1480.0,
    flow_m3_s=600 / 3600,
    power_w=50000.0,
    head0_m=32.0,
    head_fall=252.0,
    power_shape=(0.45, 0.65, -0.10),
    static_head_m=8.0,
    pipe=612.0,
)

# ASSUMPTION: 1 MVA transformer of 5 % (X 8 mΩ, R 1.5 mΩ at 400 V) with the usual distortion of an industrial busbar;
# frequency statistics of a large interconnected grid.
BUSBAR = Grid(
    volts_v=402.0,
    frequency_hz=50.0,
    volts_sigma=0.006,
    frequency_sigma_hz=0.015,
    tau_s=60.0,
    negative=complex(0.0024, -0.0018),  # 0.3 %
    harmonics=((3, 0.002, 20.0), (5, 0.012, 160.0), (7, 0.008, -40.0), (11, 0.003, 75.0), (13, 0.0025, -120.0)),
    source_ohm=0.0015,
    source_x_ohm=0.008,
)
