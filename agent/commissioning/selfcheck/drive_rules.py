"""Relations between the values of a drive, its nameplate and the meter upstream. One row for each relation."""

from __future__ import annotations

import math

from agent.commissioning.selfcheck.rule import NONE, SQRT3, Numbers, RatedValues, Rule, equal, over, ratio
from drivers.reasons import Code


def _torque_w(torque_pct: float, speed_share: float, p: RatedValues) -> float:
    """Shaft power from torque in percent of rated and speed as a share of rated."""
    return torque_pct / 100 * speed_share * p.kw * 1000


def _slip_share(v: Numbers, p: RatedValues) -> float:
    """motor_speed over synchronous speed; for an induction motor, up to 1.8 times the rated slip is added first."""
    synchronous = 120 * abs(v[1]) / p.poles if p.poles else math.nan
    if not synchronous:
        return math.nan
    speed = abs(v[0])
    if p.induction:
        slip_rpm = 120 * p.hertz / p.poles - p.rpm
        speed += min(max(synchronous - speed, 0.0), 1.8 * slip_rpm)
    return over(speed, synchronous)


def _motoring(meter_w: float, drive: float) -> float:
    """1; NaN during regeneration (the power of meter and drive is negative)."""
    return math.nan if meter_w < 0 and drive < 0 else 1.0


DRIVE: list[Rule] = [
    ratio(Code("speed_from_frequency", "motor speed from output frequency and poles"),
          "motor_speed output_frequency", _slip_share, (0.97, 1.015), (0.9, 1.06),
          "120 f / poles; up to 1.8 times the rated slip for induction motors, none for magnet motors"),
    ratio(Code("speed_pct_from_frequency", "motor speed in percent from output frequency"),
          "motor_speed_percent output_frequency", lambda v, p: over(abs(v[0]) / 100, abs(v[1]) / p.hertz),
          (0.85, 1.15), (0.4, 2.5), "percent of rated speed or of maximum speed"),
    ratio(Code("frequency_vs_nameplate", "output frequency compared with the nameplate"),
          "output_frequency", lambda v, p: abs(v[0]) / p.hertz, NONE, (0.04, 2.2), "a loaded motor turns"),
    ratio(Code("speed_vs_nameplate", "motor speed compared with the nameplate"),
          "motor_speed", lambda v, p: abs(v[0]) / p.rpm, NONE, (0.04, 2.2), "a loaded motor turns"),
    ratio(Code("frequency_vs_reference", "output frequency compared with its reference"),
          "reference_frequency output_frequency", lambda v, p: over(abs(v[0]), abs(v[1])), (0.97, 1.03), (0.35, 2.8),
          "a drive at a limit or on a ramp does not reach its reference"),
    ratio(Code("speed_vs_reference", "motor speed compared with its reference"),
          "reference_speed motor_speed", lambda v, p: over(abs(v[0]), abs(v[1])), (0.94, 1.06), (0.35, 2.8),
          "as above"),
    ratio(Code("volts_per_hertz", "output voltage compared with output frequency"),
          "output_voltage output_frequency", lambda v, p: over(v[0] / p.volts, min(abs(v[1]) / p.hertz, 1.0) + 0.02),
          (0.7, 1.25), (0.35, 1.9),
          "constant flux; energy saving lowers it at part load, boost raises it at low speed"),
    ratio(Code("output_voltage_limit", "output voltage possible with the DC link voltage"),
          "output_voltage dc_bus_voltage", lambda v, p: over(v[0], v[1] / math.sqrt(2)), NONE, (0.01, 1.15),
          "six-step modulation reaches 2·√3/π = 1.103; each display has an error of up to 2 %"),
    ratio(Code("dc_link_vs_nameplate", "DC link voltage compared with the nameplate"),
          "dc_bus_voltage", lambda v, p: v[0] / p.volts, (1.2, 1.6), (0.85, 2.3),
          "1.35–1.41 of the line voltage, which equals the motor's within ±20 %; up to 1.7 of it during braking",
          loaded=False),
    ratio(Code("dc_link_vs_mains", "DC link voltage compared with the mains voltage at the drive"),
          "dc_bus_voltage mains_voltage", lambda v, p: over(v[0], v[1]), (1.30, 1.45), (1.22, 1.85),
          "1.35–1.41 with a diode front end; higher with an active front end or during braking", loaded=False),
    ratio(Code("mains_vs_nameplate", "mains voltage at the drive compared with the nameplate"),
          "mains_voltage", lambda v, p: v[0] / p.volts, (0.85, 1.2), (0.6, 1.7), "as for the meter", loaded=False),
    ratio(Code("motor_current_vs_nameplate", "motor current compared with the nameplate"),
          "motor_current", lambda v, p: v[0] / p.amps, NONE, (0.06, 2.0),
          "from the no-load current of a magnet motor to a short overload"),
    ratio(Code("motor_magnetizing_current", "magnetizing current measured by the drive"),
          "motor_current output_frequency",
          lambda v, p: v[0] / p.amps if p.induction and abs(v[1]) > 0.1 * p.hertz else math.nan, NONE, (0.12, 2.5),
          "a running induction motor draws at least 20 % of its rated current at no load", loaded=False),
    ratio(Code("motor_current_pct_range", "range of the motor current in percent"),
          "motor_current_percent", lambda v, p: v[0] / 100, NONE, (0.03, 2.0),
          "percent of the rating of the motor or of the drive"),
    ratio(Code("motor_power_from_ui", "motor power from output voltage and motor current"),
          "motor_power output_voltage motor_current", lambda v, p: over(abs(v[0]) * 1000, SQRT3 * v[1] * v[2]),
          (0.2, 1.04), (0.1, 1.2), "power factor of a loaded motor"),
    ratio(Code("motor_power_from_torque", "motor power from torque and frequency"),
          "motor_power motor_torque output_frequency",
          lambda v, p: (abs(v[0]) * 1000 - _torque_w(abs(v[1]), abs(v[2]) / p.hertz, p) / p.efficiency)
          / (abs(v[0]) * 1000 + 20 * p.kw),
          (-0.2, 0.2), (-0.5, 0.5), "the torque of drives has an error of up to 10 % of rated torque, rarely more"),
    ratio(Code("motor_power_from_torque_nm", "motor power from torque in N·m and frequency"),
          "motor_power motor_torque_nm output_frequency",
          lambda v, p: (abs(v[0]) * 1000 - abs(v[1]) * 4 * math.pi * abs(v[2]) / p.poles / p.efficiency)
          / (abs(v[0]) * 1000 + 20 * p.kw) if p.poles else math.nan,
          (-0.2, 0.2), (-0.5, 0.5), "as above"),
    ratio(Code("torque_pct_from_nm", "torque in percent compared with torque in N·m"),
          "motor_torque motor_torque_nm", lambda v, p: over(abs(v[1]), abs(v[0]) / 100 * p.rated_nm), (0.85, 1.18),
          (0.5, 2.0), "both come from one estimate of the drive"),
    ratio(Code("torque_vs_nameplate", "torque compared with the nameplate"),
          "motor_torque", lambda v, p: abs(v[0]) / 100, NONE, (0.02, 2.6), "breakdown torque"),
    ratio(Code("torque_nm_vs_nameplate", "torque in N·m compared with the nameplate"),
          "motor_torque_nm", lambda v, p: abs(v[0]) / p.rated_nm, NONE, (0.02, 2.6), "breakdown torque"),
    ratio(Code("torque_vs_current", "torque compared with motor current"),
          "motor_torque motor_current", lambda v, p: (v[1] / p.amps) ** 2 - (v[0] / 100) ** 2, (-0.3, 0.5),
          (-0.5, 0.65),
          "I² = (magnetizing current)² + (torque-producing current)²; no-load current up to 0.7 of rated"),
    ratio(Code("torque_nm_vs_current", "torque in N·m compared with motor current"),
          "motor_torque_nm motor_current", lambda v, p: (v[1] / p.amps) ** 2 - (v[0] / p.rated_nm) ** 2, (-0.3, 0.5),
          (-0.5, 0.65), "as above"),
    ratio(Code("motor_power_vs_nameplate", "motor power compared with the nameplate"),
          "motor_power", lambda v, p: abs(v[0]) / p.kw, NONE, (0.004, 1.8), "as for the meter"),
    ratio(Code("power_pct_from_current", "power in percent from frequency and motor current"),
          "motor_power_percent output_frequency motor_current",
          lambda v, p: over(abs(v[0]) / 100, min(abs(v[1]) / p.hertz, 1.2) * v[2] / p.amps), (0.4, 1.4), (0.15, 2.5),
          "percent of the rated power of the motor or of the drive"),
    ratio(Code("power_pct_from_torque", "power in percent from torque and frequency"),
          "motor_power_percent motor_torque output_frequency",
          lambda v, p: (abs(v[0]) - abs(v[1]) * abs(v[2]) / p.hertz) / (abs(v[0]) + 5), (-0.25, 0.35), (-0.55, 0.6),
          "as motor_power_from_torque"),
    ratio(Code("power_pct_from_kw", "power in percent compared with power in kW"),
          "motor_power_percent motor_power", lambda v, p: over(abs(v[0]) / 100, abs(v[1]) / p.kw), (0.7, 1.2),
          (0.4, 2.5), "rating of the motor or of the drive"),
    ratio(Code("shaft_power_vs_motor", "shaft power compared with motor power"),
          "shaft_power motor_power", lambda v, p: over(abs(v[0]), abs(v[1])), (0.75, 1.03), (0.5, 1.3),
          "efficiency of the motor"),
    ratio(Code("input_power_vs_motor", "input power of the drive compared with motor power"),
          "input_power motor_power", lambda v, p: over(abs(v[0]), abs(v[1])), (0.98, 1.25), (0.9, 1.7),
          "losses of the drive"),
    ratio(Code("output_power_factor_from_s", "output power factor = P / S"),
          "output_power_factor motor_power output_voltage motor_current",
          lambda v, p: abs(v[0]) - over(abs(v[1]) * 1000, SQRT3 * v[2] * v[3]), (-0.1, 0.1), (-0.4, 0.4),
          "PF = P/S of three values with errors of 1–3 %"),
    ratio(Code("output_power_factor_range", "range of the output power factor"),
          "output_power_factor", lambda v, p: abs(v[0]), NONE, (0.1, 1.01), "loaded motor"),
    ratio(Code("output_angle_from_s", "output phase angle from P / S"),
          "output_power_factor_angle motor_power output_voltage motor_current",
          lambda v, p: math.cos(math.radians(v[0])) - over(abs(v[1]) * 1000, SQRT3 * v[2] * v[3]), (-0.1, 0.1),
          (-0.4, 0.4), "as output_power_factor_from_s"),
    ratio(Code("voltage_pct_per_hertz", "output voltage in percent compared with output frequency"),
          "output_voltage_percent output_frequency",
          lambda v, p: over(v[0] / 100, min(abs(v[1]) / p.hertz, 1.0) + 0.02), (0.7, 1.25), (0.3, 2.0),
          "as volts_per_hertz"),
    ratio(Code("rated_current_setting", "rated current set in the drive compared with the nameplate"),
          "motor_rated_current", lambda v, p: v[0] / p.amps, (0.93, 1.07), (0.5, 2.0),
          "nameplate as set in the drive; small differences are a choice of the integrator", loaded=False),
    ratio(Code("rated_voltage_setting", "rated voltage set in the drive compared with the nameplate"),
          "motor_rated_voltage", lambda v, p: v[0] / p.volts, (0.93, 1.07), (0.5, 2.0), "as above", loaded=False),
    ratio(Code("rated_frequency_setting", "rated frequency set in the drive compared with the nameplate"),
          "motor_rated_frequency", lambda v, p: v[0] / p.hertz, (0.96, 1.04), (0.5, 2.0), "as above", loaded=False),
    ratio(Code("rated_speed_setting", "rated speed set in the drive compared with the nameplate"),
          "motor_rated_speed", lambda v, p: v[0] / p.rpm, (0.96, 1.04), (0.5, 2.0), "as above", loaded=False),
    ratio(Code("drive_rated_power", "rated power of the drive compared with the configuration"),
          "drive_rated_power", lambda v, p: v[0] / p.drive_kw, (0.8, 1.3), (0.4, 2.5), "light and heavy duty ratings",
          loaded=False),
    ratio(Code("drive_rated_current", "rated current of the drive compared with the configuration"),
          "drive_rated_current", lambda v, p: v[0] / (p.amps * p.drive_kw / p.kw), (0.75, 1.4), (0.4, 2.5),
          "as above", loaded=False),
    ratio(Code("rated_torque_setting", "rated torque set in the drive compared with the nameplate"),
          "motor_torque_scale_nm", lambda v, p: v[0] / p.rated_nm, (0.93, 1.07), (0.5, 2.0),
          "nameplate as set in the drive", loaded=False),
]  # fmt: skip

# Quantities with the prefix "drive:" are those of the drive, the others those of the meter upstream.
CROSS: list[Rule] = [
    ratio(Code("drive_power_vs_meter", "power of the drive compared with the meter"),
          "active_power drive:motor_power",
          lambda v, p: _motoring(v[0], v[1]) * (v[0] / 1000 + 0.015 * p.kw) / (abs(v[1]) + 0.015 * p.kw),
          (0.96, 1.25), (0.93, 1.32),
          "losses of 2–15 %, error of the drive's power up to 5 %, constant losses; not during regeneration"),
    ratio(Code("drive_torque_vs_meter", "torque of the drive compared with the power of the meter"),
          "active_power drive:motor_torque drive:output_frequency",
          lambda v, p: _motoring(v[0], v[1] * v[2])
          * (v[0] - _torque_w(abs(v[1]), abs(v[2]) / p.hertz, p) / p.efficiency) / (abs(v[0]) + 30 * p.kw),
          (-0.15, 0.35), (-0.5, 0.6), "as motor_power_from_torque, with the losses of the drive"),
    ratio(Code("drive_ui_vs_meter", "U · I of the drive compared with the power of the meter"),
          "active_power drive:output_voltage drive:motor_current", lambda v, p: over(abs(v[0]), SQRT3 * v[1] * v[2]),
          (0.2, 1.15), (0.12, 1.35), "power factor of a loaded motor"),
    ratio(Code("dc_link_vs_line_voltage", "DC link voltage compared with the line voltage at the meter"),
          "voltage_l12 drive:dc_bus_voltage", lambda v, p: over(v[1], v[0]), (1.30, 1.45), (1.22, 1.85),
          "1.35–1.41 with a diode front end; higher with an active front end or during braking", loaded=False),
    ratio(Code("dc_link_vs_phase_voltage", "DC link voltage compared with the phase voltage at the meter"),
          "voltage_l1n drive:dc_bus_voltage", lambda v, p: over(v[1], SQRT3 * v[0]) if p.per_phase else math.nan,
          (1.28, 1.47), (1.2, 1.87), "as above", loaded=False),
    equal(Code("mains_vs_meter", "mains voltage at the drive compared with the meter"),
          "voltage_l1n drive:mains_voltage", lambda v, p: SQRT3 * v[0] if p.per_phase else math.nan,
          lambda v, p: v[1], 0.04, "two instruments on one supply", wide=0.12, loaded=False),
    ratio(Code("input_power_vs_meter", "input power of the drive compared with the meter"),
          "active_power drive:input_power", lambda v, p: over(abs(v[0]) / 1000, abs(v[1])), (0.93, 1.08),
          (0.75, 1.35), "estimate of the drive"),
]  # fmt: skip
