"""What a drive's values owe to each other, to the nameplate and to the meter before it. One row each."""

from __future__ import annotations

import math

from agent.selfcheck.relations import NONE, SQRT3, Numbers, Plate, Relation, equal, over, ratio


def _torque_w(torque_pct: float, speed_share: float, p: Plate) -> float:
    """Shaft power from torque in percent of rated and speed as a share of rated."""
    return torque_pct / 100 * speed_share * p.kw * 1000


def _slip_share(v: Numbers, p: Plate) -> float:
    """motor_speed over synchronous speed, the rated slip of the induction motor added back in rpm."""
    synchronous = 120 * abs(v[1]) / p.poles if p.poles else math.nan
    if not synchronous:
        return math.nan
    speed = abs(v[0])
    if p.induction:
        slip_rpm = 120 * p.hertz / p.poles - p.rpm
        speed += min(max(synchronous - speed, 0.0), 1.8 * slip_rpm)
    return over(speed, synchronous)


def _motoring(meter_w: float, drive: float) -> float:
    """1; NaN while meter and drive agree that power flows back."""
    return math.nan if meter_w < 0 and drive < 0 else 1.0


DRIVE: list[Relation] = [
    ratio("speed of frequency", "motor_speed output_frequency", _slip_share, (0.97, 1.015), (0.9, 1.06),
           "120 f / poles; slip up to 1.8 times the rated one for induction, none for magnet motors"),
    ratio("speed in percent", "motor_speed_percent output_frequency",
           lambda v, p: over(abs(v[0]) / 100, abs(v[1]) / p.hertz), (0.85, 1.15), (0.4, 2.5),
           "percent of rated or of maximum speed"),
    ratio("frequency against nameplate", "output_frequency", lambda v, p: abs(v[0]) / p.hertz, NONE, (0.04, 2.2),
           "a loaded motor turns"),
    ratio("speed against nameplate", "motor_speed", lambda v, p: abs(v[0]) / p.rpm, NONE, (0.04, 2.2),
           "a loaded motor turns"),
    ratio("reference followed", "reference_frequency output_frequency", lambda v, p: over(abs(v[0]), abs(v[1])),
           (0.97, 1.03), (0.35, 2.8), "a drive at a limit or on a ramp does not follow"),
    ratio("speed reference followed", "reference_speed motor_speed", lambda v, p: over(abs(v[0]), abs(v[1])),
           (0.94, 1.06), (0.35, 2.8), "as above"),
    ratio("volts per hertz", "output_voltage output_frequency",
           lambda v, p: over(v[0] / p.volts, min(abs(v[1]) / p.hertz, 1.0) + 0.02), (0.7, 1.25), (0.35, 1.9),
           "constant flux; energy saving takes it down at part load, boost up at low speed"),
    ratio("output voltage of the DC bus", "output_voltage dc_bus_voltage", lambda v, p: over(v[0], v[1] / math.sqrt(2)),
           NONE, (0.01, 1.1), "no more than full modulation"),
    ratio("DC bus against nameplate", "dc_bus_voltage", lambda v, p: v[0] / p.volts, (1.2, 1.6), (0.85, 2.3),
           "1.35–1.41 of the line voltage, which is the motor's within ±20 %; up to 1.7 of it while braking",
           loaded=False),
    ratio("DC bus of the mains", "dc_bus_voltage mains_voltage", lambda v, p: over(v[0], v[1]), (1.30, 1.45),
           (1.22, 1.85), "diode front end 1.35–1.41; higher for an active one or while braking", loaded=False),
    ratio("mains against nameplate", "mains_voltage", lambda v, p: v[0] / p.volts, (0.85, 1.2), (0.6, 1.7),
           "as the meter's", loaded=False),
    ratio("current against nameplate", "motor_current", lambda v, p: v[0] / p.amps, NONE, (0.06, 2.0),
           "no-load current of a magnet motor to short overload"),
    ratio("magnetising current", "motor_current output_frequency",
          lambda v, p: v[0] / p.amps if p.induction and abs(v[1]) > 0.1 * p.hertz else math.nan, NONE, (0.12, 2.5),
          "an induction motor that turns draws a fifth of its rated current at no load", loaded=False),
    ratio("current in percent", "motor_current_percent", lambda v, p: v[0] / 100, NONE, (0.03, 2.0),
           "percent of the motor's or of the drive's rating"),
    ratio("P of U·I", "motor_power output_voltage motor_current",
           lambda v, p: over(abs(v[0]) * 1000, SQRT3 * v[1] * v[2]), (0.2, 1.04), (0.1, 1.2),
           "power factor of a loaded motor"),
    ratio("P of torque and speed", "motor_power motor_torque output_frequency",
           lambda v, p: (abs(v[0]) * 1000 - _torque_w(abs(v[1]), abs(v[2]) / p.hertz, p) / p.efficiency)
           / (abs(v[0]) * 1000 + 20 * p.kw), (-0.2, 0.2), (-0.5, 0.5),
           "drives' torque is within 10 % of rated, seldom worse"),
    ratio("P of torque in Nm and speed", "motor_power motor_torque_nm output_frequency",
           lambda v, p: (abs(v[0]) * 1000 - abs(v[1]) * 4 * math.pi * abs(v[2]) / p.poles / p.efficiency)
           / (abs(v[0]) * 1000 + 20 * p.kw) if p.poles else math.nan, (-0.2, 0.2), (-0.5, 0.5), "as above"),
    ratio("torque in percent and Nm", "motor_torque motor_torque_nm",
           lambda v, p: over(abs(v[1]), abs(v[0]) / 100 * p.rated_nm), (0.85, 1.18),
           (0.5, 2.0), "two views of one estimate"),
    ratio("torque against nameplate", "motor_torque", lambda v, p: abs(v[0]) / 100, NONE, (0.02, 2.6), "pull-out"),
    ratio("torque in Nm against nameplate", "motor_torque_nm",
           lambda v, p: abs(v[0]) / p.rated_nm, NONE, (0.02, 2.6), "pull-out"),
    ratio("torque and current", "motor_torque motor_current",
           lambda v, p: (v[1] / p.amps) ** 2 - (v[0] / 100) ** 2, (-0.3, 0.5), (-0.5, 0.65),
           "I² = magnetising² + torque-making²: no-load current is up to 0.7 of rated"),
    ratio("torque in Nm and current", "motor_torque_nm motor_current",
           lambda v, p: (v[1] / p.amps) ** 2 - (v[0] / p.rated_nm) ** 2, (-0.3, 0.5), (-0.5, 0.65), "as above"),
    ratio("P against nameplate", "motor_power", lambda v, p: abs(v[0]) / p.kw, NONE, (0.004, 1.8), "as the meter's"),
    ratio("P in percent", "motor_power_percent output_frequency motor_current",
           lambda v, p: over(abs(v[0]) / 100, min(abs(v[1]) / p.hertz, 1.2) * v[2] / p.amps), (0.4, 1.4), (0.15, 2.5),
           "percent of the motor's or of the drive's rated power"),
    ratio("P in percent and torque", "motor_power_percent motor_torque output_frequency",
           lambda v, p: (abs(v[0]) - abs(v[1]) * abs(v[2]) / p.hertz) / (abs(v[0]) + 5), (-0.25, 0.35), (-0.55, 0.6),
           "as P of torque and speed"),
    ratio("P in percent and kW", "motor_power_percent motor_power",
           lambda v, p: over(abs(v[0]) / 100, abs(v[1]) / p.kw), (0.7, 1.2), (0.4, 2.5), "motor's or drive's rating"),
    ratio("shaft power", "shaft_power motor_power", lambda v, p: over(abs(v[0]), abs(v[1])), (0.75, 1.03), (0.5, 1.3),
           "efficiency of the motor"),
    ratio("input power", "input_power motor_power", lambda v, p: over(abs(v[0]), abs(v[1])), (0.98, 1.25), (0.9, 1.7),
           "losses of the drive"),
    ratio("output PF", "output_power_factor motor_power output_voltage motor_current",
           lambda v, p: abs(v[0]) - over(abs(v[1]) * 1000, SQRT3 * v[2] * v[3]), (-0.1, 0.1), (-0.4, 0.4),
           "PF = P/S, three displays of 1–3 %"),
    ratio("output PF alone", "output_power_factor", lambda v, p: abs(v[0]), NONE, (0.1, 1.01), "a loaded motor"),
    ratio("output PF angle", "output_power_factor_angle motor_power output_voltage motor_current",
           lambda v, p: math.cos(math.radians(v[0])) - over(abs(v[1]) * 1000, SQRT3 * v[2] * v[3]), (-0.1, 0.1),
           (-0.4, 0.4), "as output PF"),
    ratio("voltage in percent", "output_voltage_percent output_frequency",
           lambda v, p: over(v[0] / 100, min(abs(v[1]) / p.hertz, 1.0) + 0.02), (0.7, 1.25), (0.3, 2.0),
           "as volts per hertz"),
    ratio("rated current entered", "motor_rated_current", lambda v, p: v[0] / p.amps, (0.93, 1.07), (0.5, 2.0),
           "the nameplate in the drive; small differences are the integrator's choice", loaded=False),
    ratio("rated voltage entered", "motor_rated_voltage", lambda v, p: v[0] / p.volts, (0.93, 1.07), (0.5, 2.0),
           "as above", loaded=False),
    ratio("rated frequency entered", "motor_rated_frequency", lambda v, p: v[0] / p.hertz, (0.96, 1.04), (0.5, 2.0),
           "as above", loaded=False),
    ratio("rated speed entered", "motor_rated_speed", lambda v, p: v[0] / p.rpm, (0.96, 1.04), (0.5, 2.0),
           "as above", loaded=False),
    ratio("drive's rated power", "drive_rated_power", lambda v, p: v[0] / p.drive_kw, (0.8, 1.3), (0.4, 2.5),
           "light and heavy duty ratings", loaded=False),
    ratio("drive's rated current", "drive_rated_current",
           lambda v, p: v[0] / (p.amps * p.drive_kw / p.kw), (0.75, 1.4), (0.4, 2.5), "as above", loaded=False),
    ratio("rated torque", "motor_torque_scale_nm", lambda v, p: v[0] / p.rated_nm,
           (0.93, 1.07), (0.5, 2.0), "as the nameplate in the drive", loaded=False),
]  # fmt: skip

# The first words of needs belong to the meter before the drive, those with "drive:" to the drive.
CROSS: list[Relation] = [
    ratio("drive power of meter power", "active_power drive:motor_power",
           lambda v, p: _motoring(v[0], v[1]) * (v[0] / 1000 + 0.015 * p.kw) / (abs(v[1]) + 0.015 * p.kw),
           (0.96, 1.25), (0.93, 1.32),
           "losses 2–15 %, the drive's own power within 5 %, and some standing loss; not while it feeds back"),
    ratio("drive torque of meter power", "active_power drive:motor_torque drive:output_frequency",
           lambda v, p: _motoring(v[0], v[1] * v[2])
           * (v[0] - _torque_w(abs(v[1]), abs(v[2]) / p.hertz, p) / p.efficiency) / (abs(v[0]) + 30 * p.kw),
           (-0.15, 0.35), (-0.5, 0.6), "as P of torque and speed, with the drive's losses"),
    ratio("drive U·I of meter power", "active_power drive:output_voltage drive:motor_current",
           lambda v, p: over(abs(v[0]), SQRT3 * v[1] * v[2]), (0.2, 1.15), (0.12, 1.35),
           "power factor of a loaded motor"),
    ratio("DC bus of the lines", "voltage_l12 drive:dc_bus_voltage", lambda v, p: over(v[1], v[0]), (1.30, 1.45),
           (1.22, 1.85), "diode front end 1.35–1.41; higher for an active one or while braking", loaded=False),
    ratio("DC bus of the phases", "voltage_l1n drive:dc_bus_voltage",
           lambda v, p: over(v[1], SQRT3 * v[0]) if p.per_phase else math.nan, (1.28, 1.47), (1.2, 1.87), "as above",
           loaded=False),
    equal("mains of the meter", "voltage_l1n drive:mains_voltage",
           lambda v, p: SQRT3 * v[0] if p.per_phase else math.nan, lambda v, p: v[1], 0.04,
           "two instruments on one line", wide=0.12, loaded=False),
    ratio("drive's input power of the meter", "active_power drive:input_power",
           lambda v, p: over(abs(v[0]) / 1000, abs(v[1])), (0.93, 1.08), (0.75, 1.35), "a drive's own estimate"),
]  # fmt: skip
