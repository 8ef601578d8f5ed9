"""Codes of the errors that a user of a simulated plant sees: scenario files, options, ports.

Fields: place is the key in the scenario file, for example "train.pump.motor". near is the most similar known name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drivers.errors import ProfileError
from drivers.reasons import Code, CodedError, InvalidValue, cause_of

# A scenario that cannot be used

SCENARIO_UNKNOWN = Code("scenario_unknown", "{scenario}: no such scenario; known: {known}")
SCENARIO_FILE_PROBLEM = Code("scenario_file_problem", "{file}: {cause}")
SCENARIO_PROBLEM = Code("scenario_problem", "{place}: {cause}")

# Keys and types

SCENARIO_KEY_UNKNOWN = Code("scenario_key_unknown", "unknown key; known: {known}")
SCENARIO_TABLES = Code("scenario_tables", "must be a list of tables")
SCENARIO_TEXT = Code("scenario_text", "must be a string, got {value}")
SCENARIO_INTEGER = Code("scenario_integer", "must be an integer, got {value}")
SCENARIO_NUMBER = Code("scenario_number", "must be a number, got {value}")
SCENARIO_BOOLEAN = Code("scenario_boolean", "must be true or false, got {value}")
SCENARIO_DATE = Code("scenario_date", "must be a date such as 2026-09-30, got {value}")
DAY_EXPECTED = Code("day_expected", "must be a date without a time, got {value}; set hours with stands_h")

# Values

VALUE_NOT_POSITIVE = Code("value_not_positive", "must be positive, got {value:g}")
VALUE_NEGATIVE = Code("value_negative", "must not be negative, got {value:g}")
VALUE_BELOW_MINIMUM = Code("value_below_minimum", "must be at least {low:g}, got {value:g}")
VALUE_OUT_OF_RANGE = Code("value_out_of_range", "must be a number from {low:g} to {high:g}, got {value:g}")
SHARE_OUT_OF_RANGE = Code("share_out_of_range", "must be between 0 and 1, got {value:g}")
SHARES_EXPECTED = Code("shares_expected", "must be {n:d} numbers with the sum 1, got {value}")
SCENARIO_CHOICE = Code("scenario_choice", "must be one of {allowed}, got {value:quoted}")
NAME_CHARACTERS = Code("name_characters", "only lower-case letters, digits and hyphens are allowed, got {value:quoted}")
NAME_TWICE = Code("name_twice", "the name is used twice")
SITE_TIME_ZONE = Code("site_time_zone", 'unknown time zone {value:quoted}; expected for example "Asia/Shanghai"')
SERIAL_SETTING = Code("serial_setting", 'unknown setting {value:quoted}; expected for example "19200 8N1"')
FLOW_PROFILE = Code(
    "flow_profile", "must be pairs of hours and share of the full flow, for example [[6, 0.95], [18, 0.7]]"
)
POLES_ODD = Code("poles_odd", "must be an even number of at least 2, got {value:d}")

# Meters, drives and transmitters

LINE_UNKNOWN = Code("line_unknown", "there is no line {line:quoted}; known: {known}")
DEVICE_VALUES = Code("device_values", "refresh_s and restart_s must be positive, kw and ct not negative")
ACCURACY_CLASS = Code("accuracy_class", "must be a class in percent from {low:g} to {high:g}, got {value:g}")
TRANSMITTER_VALUES = Code(
    "transmitter_values", "full must be positive, of a temperature 0; accuracy must be 0 to 5 percent"
)
FLOW_TRAIN_EXPECTED = Code("flow_train_expected", "must be the name of a train with a flow: {trains}")
FLOW_TRAIN_MISSING = Code("flow_train_missing", "must be the name of a train with a flow; the scenario has none")
TRAIN_UNKNOWN = Code("train_unknown", "there is no train {train:quoted}")
TRAINS_MISSING = Code("trains_missing", "is missing; list the trains that the meter measures")
TRAIN_WITH_CABLE = Code("train_with_cable", "{train} has a cable; give it a separate meter")
UNIT_ID_IN_USE = Code("unit_id_in_use", "unit {unit_id:d} on line {line} is already used by {other}")
DEVICE_OF_PLC = Code(
    "device_of_plc", "{profile}: a line with s7 = true needs profiles of dialect s7, and they need such a line"
)
LINE_FULL = Code("line_full", "unit {unit_id:d} on line {line}: a line has at most {n_max:d} units; use more lines")
WIRING_FAULT_UNKNOWN = Code("wiring_fault_unknown", "unknown fault {fault:quoted}; expected a fault such as {examples}")

# Trains

ONE_WAVEFORM = Code("one_waveform", "only one train can have waveform = true")
LOAD_VARIATION = Code(
    "load_variation", "wander must be from 0 to below 1, wander_s positive, hidden from 0 to below 0.2"
)
LOAD_OF_DIRECT_MOTOR = Code(
    "load_of_direct_motor", "a motor direct on line must drive a flow or a conveyor, got {value:quoted}"
)
DRIVE_OF_DIRECT_MOTOR = Code("drive_of_direct_motor", "not allowed for a motor direct on line")
RECTIFIER_MISSING = Code("rectifier_missing", "is missing; trains on a DC bus require a rectifier")
TRAIN_ON_DC_BUS = Code(
    "train_on_dc_bus", "a train on a DC bus cannot have its own meter or waveform; measure the rectifier"
)
TRAIN_WITHOUT_FEEDER = Code(
    "train_without_feeder", "a train on a DC bus, or one with a waveform, cannot have a cable or auxiliaries"
)
DEFECT_IMPOSSIBLE = Code("defect_impossible", "{defect} is not possible on a train of kind {kind}")
DEFECT_OF_LINE_START = Code("defect_of_line_start", "not supported for a line-start motor")
DEFECT_VALUES = Code("defect_values", "from_h must be before to_h, and `to` from 0 to below 1")
POWER_FACTOR_OUT_OF_RANGE = Code("power_factor_out_of_range", "must be above 0 and at most 1, got {value:g}")
MOTOR_STALLS = Code("motor_stalls", "the load exceeds the breakdown torque: a motor of {power_w:.0f} W stalls")
ABOVE_PULL_OUT = Code(
    "above_pull_out", "{shaft_w:.0f} W exceed the pull-out power of the line-start motor, {top_w:.0f} W"
)
LOAD_TOO_LARGE = Code("load_too_large", "requires {torque_nm:.0f} Nm, too much for a motor of {rated_nm:.0f} Nm")

# Faults and dips

FAULTY_DEVICE_UNKNOWN = Code("faulty_device_unknown", "there is no device {device:quoted}")
FAULT_TIMES = Code("fault_times", "the end must be after the beginning, got {from_s:g} s to {to_s:g} s")
FAULT_SIZE = Code("fault_size", "{fault}: must be above 0 and at most {high:g}; 0 is the usual size")
FAULT_WITHOUT_SIZE = Code("fault_without_size", "{fault} has no size")
FAULT_OF_SUPPLY = Code("fault_of_supply", "{fault} concerns all motors; omit the motor")
FAULT_MOTOR = Code("fault_motor", "{fault} is possible for {motors}, got {value:quoted}")
FAULT_IMPOSSIBLE = Code("fault_impossible", "{fault} is not possible for any motor of this plant")
TRANSMITTER_OF_TEMPERATURE = Code(
    "transmitter_of_temperature", "must be the name of a train with a magnet motor: {trains}"
)
DIP_RESIDUAL = Code("dip_residual", "must be from {low:g} to below 1 here, got {value:g}")
DIP_TIMES = Code("dip_times", "at_h must not be negative, and duration_s at least step_s ({step_s:g} s)")

# A retrofit

LIFE_TRAIN = Code("life_train", "requires exactly one train, of kind 'driven'")
LIFE_LOAD = Code("life_load", "[life] requires a load of kind flow or conveyor, got {value:quoted}")
LIFE_REPLACED_MOTOR = Code("life_replaced_motor", "is missing; [life] starts with the replaced motor")
LIFE_METER = Code("life_meter", "[life] requires a meter for this train, and allows neither waveform nor dip")
RETROFIT_BEFORE_START = Code("retrofit_before_start", "must be after life.start")
REPORTING_BEFORE_MOTOR = Code(
    "reporting_before_motor", "must not be before the new motor runs, life.stands_h after life.retrofit"
)
END_BEFORE_REPORTING = Code("end_before_reporting", "must be after life.reporting")
PRODUCTION_SHARE = Code(
    "production_share", "must be a share of the production before the retrofit, {low:g} to {high:g}, got {value:g}"
)

# Virtual devices

METERS_NEED_A_LINE = Code("meters_need_a_line", 'meters of DL/T 645 need a serial line, for example --line "2400 8E1"')
PROTOCOLS_MIXED = Code("protocols_mixed", "devices with Modbus and meters of DL/T 645 cannot share a line")
PLC_ALONE = Code("plc_alone", "data blocks of a PLC need --tcp, and no device of another protocol on the same bus")
PROPRIETARY_PROTOCOL = Code(
    "proprietary_protocol", "{profile}: uses a proprietary protocol, not Modbus; it cannot be simulated"
)
BENCH_UNIT_ID = Code(
    "bench_unit_id", "{profile}@{text}: the unit identifier must be a number from 1 to {unit_id_max:d}"
)
BENCH_UNIT_ID_TAKEN = Code(
    "bench_unit_id_taken", "{profile}@{unit_id:d}: {other} already has this unit identifier; use another one"
)
BENCH_FULL = Code("bench_full", "{n:d} devices: one bus has at most {unit_id_max:d} unit identifiers")
BENCH_RANGE = Code(
    "bench_range",
    "{profile}: register {quantity} cannot show {value:.4g} {unit}, a value of this motor; use a smaller motor or "
    "another model",
)
BENCH_RATIO = Code("bench_ratio", "{text}: expected a transformer ratio such as 200/5")
PLATE_SLIP = Code(
    "plate_slip",
    "{rpm:g} r/min is not the speed of an induction motor: the slip must be above 0 and at most {slip_max:pct} %. "
    "Check speed, frequency and pole pairs, or use --kind pm",
)
PLATE_FREQUENCY = Code(
    "plate_frequency",
    "a permanent-magnet motor with {pole_pairs:d} pole pairs at {rpm:g} r/min has {hz:g} Hz, not {stated_hz:g} Hz",
)
PLATE_POWER = Code(
    "plate_power_impossible",
    "{kw:g} kW at {volts:g} V and {amps:g} A need a power factor of {cos_phi:.2f} and an efficiency of "
    "{efficiency:pct} %, which no motor has; check the nameplate",
)
BENCH_MOTOR = Code(
    "bench_motor",
    "motor: {kw:g} kW, {rpm:g} r/min, {poles:d} poles, {volts:g} V, {amps:.1f} A, cos φ {cos_phi:.2f}, {hz:g} Hz, "
    "efficiency {efficiency:pct1} %, {kind}",
)
BENCH_INDUCTION = Code("bench_induction", "induction motor")
BENCH_MAGNET = Code("bench_magnet", "permanent-magnet motor")
BAUD_UNSUPPORTED = Code(
    "baud_unsupported", "{baud} baud: not supported by a pseudo-terminal; use 9600, 19200, 38400 or 115200"
)

# Faults of a proxy

FAULT_NAME_UNKNOWN = Code("fault_name_unknown", "{fault}: unknown fault; known: {known}")
FAULT_VALUE = Code("fault_value", "{text}: {fault} must be a number from 0 to {high:g}")

# Ports

TCP_PORT_NOT_OPENED = Code(
    "tcp_port_not_opened",
    "port {port:d} cannot be opened; is it in use? Set another port, or none to use any free one",
)
SIMULATED_PORT_REMOVED = Code("simulated_port_removed", "port {port} no longer exists; restart the plant")


class PortError(CodedError, OSError):
    """A port of a simulated plant cannot be opened, or was removed."""


def wrong(place: str, code: Code, **data: Any) -> InvalidValue:
    """The error for a value of a scenario. place: its key."""
    return InvalidValue(SCENARIO_PROBLEM(place=place, cause=code(**data)))


def require(condition: object, place: str, code: Code, **data: Any) -> None:
    """Raise the error of `wrong` if the condition is false or empty."""
    if not condition:
        raise wrong(place, code, **data)


@contextmanager
def errors_within(place: str) -> Iterator[None]:
    """Add the place to the error of a part of a scenario. An error without a code keeps its own text."""
    try:
        yield
    except (ValueError, ProfileError) as error:
        raise InvalidValue(SCENARIO_PROBLEM(place=place, cause=cause_of(error))) from None
