"""Parameter records of the plant, each with its source. SI units; machine resistances and reactances for a star phase.

Values without a measurement are marked as assumptions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulators.plant import validation
from simulators.plant.phasors import ORDERS

COPPER_PER_K = 0.00393  # resistance of copper relative to 20 °C
ALUMINIUM_PER_K = 0.0044  # of a cast cage
NDFEB_PER_K = -0.0011  # remanence of sintered NdFeB relative to 20 °C, typical data-sheet value from memory


@dataclass(frozen=True, slots=True)
class InductionMotor:
    """T equivalent circuit of an induction motor, star equivalent, at running temperature and `frequency_hz`.

    power_w: rated shaft power, W.
    volts_v: rated line voltage, V.
    frequency_hz: rated frequency, Hz.
    pole_pairs: number of pole pairs.
    speed_rpm: rated speed, rpm.
    current_a: rated current, rms, A.
    rs_ohm, xl1_ohm: resistance and leakage reactance of the stator, Ω.
    rr_ohm, xl2_ohm: resistance and leakage reactance of the rotor, Ω.
    xm_ohm: magnetizing reactance, Ω.
    rfe_ohm: resistance of the core loss, Ω.
    friction_w: friction and windage loss at rated speed, W.
    additional_w: additional (stray) load loss at rated current and speed, W.
    inertia_kg_m2: inertia of the rotor, kg·m².
    Raises ValueError for impossible values.
    """

    power_w: float
    volts_v: float
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
    friction_w: float
    additional_w: float
    inertia_kg_m2: float = 1.0

    def __post_init__(self) -> None:
        what = "induction motor"
        validation.positive(what, self, "power_w volts_v frequency_hz speed_rpm current_a rs_ohm rr_ohm xl2_ohm xm_ohm")
        validation.positive(what, self, "rfe_ohm inertia_kg_m2")
        validation.not_negative(what, self, "xl1_ohm friction_w additional_w")
        validation.motor(what, self.pole_pairs, self.power_w, self.volts_v, self.current_a)
        synchronous_rpm = 60 * self.frequency_hz / self.pole_pairs
        if self.speed_rpm >= synchronous_rpm:
            raise ValueError(f"{what}: speed_rpm must be below {synchronous_rpm:g} rpm, got {self.speed_rpm:g} rpm")


@dataclass(frozen=True, slots=True)
class MagnetMotor:
    """Permanent-magnet machine in dq, amplitude-invariant: flux and currents are peak values.

    power_w: rated shaft power, W.
    volts_v: line voltage at the rated point, V.
    current_a: current at the rated point, rms, A.
    speed_rpm: rated speed, rpm.
    pole_pairs: number of pole pairs.
    rs20_ohm: resistance of a phase at 20 °C, Ω.
    ld_h, lq_h: inductances of the d and q axes, H.
    flux20_wb: flux of the magnets at 20 °C, peak, Wb.
    core_s: conductance of the core branch of a phase at rated frequency, S; 0: no core loss.
    core_hysteresis: share of the core loss at rated speed that is proportional to f; the rest is proportional to f².
    friction_w: friction and windage loss at rated speed, W.
    additional_w: additional load loss at rated current and speed, W, including losses by the converter's harmonics.
    rise_k: temperature rise of the winding over the coolant at rated loss, K.
    losses_w: total losses at the rated point, W.
    inertia_kg_m2: inertia of the rotor, kg·m².
    Raises ValueError for impossible values.
    """

    power_w: float
    volts_v: float
    current_a: float
    speed_rpm: float
    pole_pairs: int
    rs20_ohm: float
    ld_h: float
    lq_h: float
    flux20_wb: float
    core_s: float
    core_hysteresis: float
    friction_w: float
    additional_w: float
    rise_k: float = 70.0
    losses_w: float = 2130.0
    inertia_kg_m2: float = 0.6

    def __post_init__(self) -> None:
        what = "magnet motor"
        validation.positive(what, self, "power_w volts_v current_a speed_rpm ld_h lq_h flux20_wb inertia_kg_m2")
        validation.not_negative(what, self, "rs20_ohm core_s friction_w additional_w")
        validation.shares(what, self, "core_hysteresis")
        validation.motor(what, self.pole_pairs, self.power_w, self.volts_v, self.current_a)

    @property
    def omega_rated(self) -> float:
        """Electrical angular frequency at rated speed, rad/s."""
        return self.speed_rpm / 60 * 2 * math.pi * self.pole_pairs

    @property
    def torque_rated_nm(self) -> float:
        return self.power_w / (self.speed_rpm / 60 * 2 * math.pi)


@dataclass(frozen=True, slots=True)
class LineStartMotor:
    """A magnet motor with a cage for starting on the line; cage values star, for a phase, at `frequency_hz`.

    machine: the synchronous machine; its speed must be the synchronous one.
    frequency_hz: rated frequency, Hz.
    cage_ohm: resistance of the cage, Ω.
    cage_x_ohm: reactance of the cage with the leakage of the stator, Ω.
    Raises ValueError for impossible values.
    """

    machine: MagnetMotor
    frequency_hz: float
    cage_ohm: float
    cage_x_ohm: float

    def __post_init__(self) -> None:
        validation.positive("line-start motor", self, "frequency_hz cage_ohm cage_x_ohm")
        synchronous_rpm = 60 * self.frequency_hz / self.machine.pole_pairs
        if not math.isclose(self.machine.speed_rpm, synchronous_rpm, rel_tol=1e-9):
            raise ValueError(
                f"line-start motor: speed_rpm must be the synchronous {synchronous_rpm:g} rpm,"
                f" got {self.machine.speed_rpm:g} rpm"
            )


@dataclass(frozen=True, slots=True)
class DriveParameters:
    """Two-level converter with a six-pulse diode bridge and a DC choke. Its losses: drive.loss_terms.

    Forward voltages are threshold + slope·i.
    power_w: rated power, W.
    current_a: rated output current, rms, A.
    choke_ohm: ωL of the DC loop at 50 Hz: DC choke + 2 × line, Ω.
    line_ohm: ωL of one line phase at 50 Hz, Ω.
    capacitor_s: ωC of the DC bus at 50 Hz, S.
    fixed_w: loss of fans, electronics and filters, independent of the load, W.
    switch_v, switch_ohm: forward voltage of a switch, V and Ω.
    diode_v, diode_ohm: forward voltage of a freewheeling diode, V and Ω.
    switching_j_per_va: energy of turn-on, turn-off and recovery for each switched V and A, J.
    carrier_hz: carrier frequency, Hz.
    bridge_v, bridge_ohm: forward voltage of one bridge diode, V and Ω; two conduct at a time.
    choke_r_ohm: resistance of the DC choke, Ω.
    unbalance_gain: relative negative-sequence current for relative negative-sequence voltage.
    Raises ValueError for impossible values.
    """

    power_w: float
    current_a: float
    choke_ohm: float
    line_ohm: float
    capacitor_s: float
    fixed_w: float
    switch_v: float
    switch_ohm: float
    diode_v: float
    diode_ohm: float
    switching_j_per_va: float
    carrier_hz: float
    bridge_v: float
    bridge_ohm: float
    choke_r_ohm: float
    unbalance_gain: float = 3.0

    def __post_init__(self) -> None:
        validation.positive("drive", self, "power_w current_a choke_ohm capacitor_s carrier_hz")
        validation.not_negative(
            "drive", self, "line_ohm fixed_w switch_v switch_ohm diode_v diode_ohm switching_j_per_va"
        )
        validation.not_negative("drive", self, "bridge_v bridge_ohm choke_r_ohm")
        if 2 * self.line_ohm > self.choke_ohm:
            raise ValueError("drive: choke_ohm is that of the complete DC loop and must be at least 2 × line_ohm")


@dataclass(frozen=True, slots=True)
class Grid:
    """Supply of the motor feeders. Each feeder sees only its own distortion, through the source impedance.

    volts_v: mean line voltage, V.
    frequency_hz: mean frequency, Hz.
    volts_sigma: relative standard deviation of the voltage.
    frequency_sigma_hz: standard deviation of the frequency, Hz.
    tau_s: time constant of both processes, seconds.
    negative: negative-sequence voltage relative to the positive sequence.
    harmonics: order, share of the fundamental, angle in degrees.
    source_ohm: resistance of a phase of the supply, Ω.
    source_x_ohm: reactance of a phase of the supply at 50 Hz, Ω.
    Raises ValueError for impossible values.
    """

    volts_v: float
    frequency_hz: float
    volts_sigma: float
    frequency_sigma_hz: float
    tau_s: float
    negative: complex
    harmonics: tuple[tuple[int, float, float], ...]
    source_ohm: float
    source_x_ohm: float

    def __post_init__(self) -> None:
        validation.positive("grid", self, "volts_v frequency_hz tau_s")
        validation.not_negative("grid", self, "volts_sigma frequency_sigma_hz source_ohm source_x_ohm")
        if abs(self.negative) >= 1:
            raise ValueError(f"grid: negative must be below 1, the positive sequence, got {abs(self.negative):g}")
        for order, share, _ in self.harmonics:
            if not (2 <= order <= ORDERS - 1 and 0 <= share < 1):
                orders = f"orders from 2 to {ORDERS - 1}"
                raise ValueError(f"grid: harmonics must have {orders} and shares below 1, got {order}: {share:g}")


# Fitted to typical catalogue values (IE1 efficiency of IEC 60034-30-1; speed, power factor, breakdown torque of
# catalogues).
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
    """Return SI parameters from per-unit values: base impedance base_v²/power_w, base flux √2·base_v/(√3·ω)."""
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


# ASSUMPTION: no public dq parameters of an industrial 55 kW magnet motor were found. Per-unit values are in the usual
# range (Rs 0.008–0.02, Xd 0.3–0.5, Xq 0.4–0.9, flux 0.85–1.0). Losses at the rated point are 2130 W, split copper 50,
# core 30, friction 12, additional 8 %: between the limit of class IE5 (IEC TS 60034-30-2, 4-pole column, 96.5 %) on a
# sine supply, 1995 W, and on a converter (+15 %), 2294 W.
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

# ASSUMPTION: the same losses in a line-start machine, 4 poles, EMF near the supply voltage; no measured parameters were
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

# Parameters from two sources, neither of which is IEC 61800-9-2, on which the agent relies. Load-dependent terms: data
# sheets at a hot junction. IGBT and its energies 21 + 20 mJ at 200 A, 600 V: Semikron SKM200GB12T4; recovery 35 mJ at
# 450 A and the diode's 1.75 V there: Infineon FF450R12KT4 (as listed by github.com/pwr-control/library), for 200 A,
# threshold 0.9 V [M]; bridge: Powersem PSB 162; carrier and choke: usual [M]. Fixed term: the remainder of the US DOE's
# table of drive efficiencies (vfd_efficiency_doe.csv, 3 to 400 hp), least squares of the logarithms; together with
# machines._FIXED.
DRIVE_55KW = DriveParameters(
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
