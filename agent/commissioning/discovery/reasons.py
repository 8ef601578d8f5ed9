"""Codes of `magwatt scan` and `magwatt identify`: findings, notes, and the evidence for and against a model."""

from __future__ import annotations

from drivers.reasons import N_, Code

# Findings of a scan

SCAN_OTHER_MASTER = Code(
    "scan_other_master",
    "{port}: another master is active: {n_bytes:d} bytes in {seconds:.0f} s, with Modbus frames at {line} for unit "
    'identifiers {unit_ids}. Nothing was sent: two masters on one bus disturb each other. mode = "listen" in the table '
    "of the bus uses the values that the other master reads; for a scan, stop it or disconnect its line",
)
SCAN_UNKNOWN_TRAFFIC = Code(
    "scan_unknown_traffic",
    "{port}: {n_bytes:d} bytes in {seconds:.0f} s, but no Modbus frame at any usual setting: another protocol, or "
    "interference. Nothing was sent. Disconnect the source of the traffic before the scan",
)
SCAN_BUS_IN_USE = Code(
    "scan_bus_in_use",
    "{error}. `magwatt scan --listen-only` shows what the other master reads, and sends nothing; for a scan, stop it "
    "or disconnect its line",
)
LISTENED_BUS = Code(
    "listened_bus",
    'the other master reads these devices; with mode = "listen" its values are used, and nothing is sent',
)
LISTENED_BLOCK = Code(
    "listened_block",
    "function {function:d}, address {address:d}, {registers:d} {registers:register|registers}, every {period_s:.2g} s",
)
LISTENED_METER_DATA = Code("listened_meter_data", "data {identifier}, every {period_s:.2g} s")
LISTENED_REGISTERS = Code("listened_registers", "{n:d} of {total:d} registers of the map are read")
LISTENED_WRITES = Code(
    "listened_writes", "the other master writes to unit {unit_id:d} with function {function:d} ({n:d}); this is ignored"
)
NOTHING_LISTENED = Code(
    "nothing_listened",
    "{port}: no exchange of another master in {seconds:.0f} s. Without --listen-only the scan sends requests",
)
SCAN_ENDED_EARLY = Code("scan_ended_early", "the scan ended early: {error}")
SCAN_PRIVATE_PROTOCOL = Code(
    "scan_private_protocol",
    "unit {unit_id:d} responds with a protocol that is not Modbus ({data}), as Huanyang HY drives do. The scan sends "
    "no more requests to it. Do not poll this unit; if possible, remove it from this bus",
)
UNIT_ID_SHARED = Code(
    "unit_id_shared",
    "unit {unit_id:d}: bytes were received, but no valid frame, although other units respond: two devices probably "
    "share this unit identifier. Switch one of them off and scan again",
)
UNIT_WITHOUT_FRAME = Code(
    "unit_without_frame",
    "unit {unit_id:d}: bytes were received at {line}, but no valid frame at any setting: check for two devices with "
    "this unit identifier, swapped conductors A and B, and interference",
)
EXPECTED_UNITS_SILENT = Code(
    "expected_units_silent",
    "{n:d} of {expected:d} expected {expected:unit|units} did not respond: {unit_ids}. Check the power supply, the "
    "unit identifier and the serial settings of each",
)
EXPECTED_DEVICES_MISSING = Code(
    "expected_devices_missing",
    "{expected:d} {expected:device|devices} expected, {responded:d} responded, {missing:d} missing: compare the unit "
    "identifiers in the table with the labels of the devices",
)

# Notes of a scan

UNEXPECTED_UNITS = Code("unexpected_units", "units that responded and were not expected: {unit_ids}")
UNEXPECTED_DEVICES = Code("unexpected_devices", "{responded:d} devices responded, {expected:d} expected")
GATEWAY_UNITS = Code("gateway_units", "units 0 and 255 are usually the gateway itself, or aliases of unit 1")
ONE_DEVICE_ALL_UNITS = Code(
    "one_device_all_units",
    "{target} responds to every unit identifier: it is a single device, not a gateway; use unit 1",
)
SCAN_ECHO = Code("scan_echo", "the adapter returns an echo of each request; the echo is ignored, no action is needed")
SCAN_CORRUPT_RESPONSE = Code(
    "scan_corrupt_response",
    "unit {unit_id:d}: a response was corrupt; check for interference and missing termination",
)

# Meters of DL/T 645-2007

METERS_COLLIDE = Code(
    "meters_collide",
    "bytes were received at {line} in response to the wildcard of DL/T 645, but no valid frame: several meters "
    "responded at the same time, or there is interference. Scan again with --deep, which searches the addresses, or "
    "with --meters and the 12 digits on the label of each meter",
)
METERS_SEVERAL = Code(
    "meters_several",
    "{n:d} meters responded to the wildcard of DL/T 645; there may be more, whose responses were destroyed. Scan again "
    "with --deep, which searches the addresses, or with --meters and the 12 digits on the label of each meter",
)
METERS_SILENT = Code(
    "meters_silent",
    "{n:d} {n:meter|meters} did not respond: {addresses}. Check the power supply, the 12 digits on the label and the "
    "conductors A and B",
)
METER_LINE = Code(
    "meter_line", "the line has meters of DL/T 645; devices with Modbus were not searched and need another serial port"
)
METER_ONE_PHASE = Code("meter_one_phase", "the meter has no voltage of a third phase")
METER_THREE_PHASES = Code("meter_three_phases", "the meter has voltages of three phases")
METER_THREE_WIRES = Code("meter_three_wires", "the voltage of the second phase is 0, as with three wires")
METER_WITHOUT_VOLTAGE = Code(
    "meter_without_voltage", "the voltages do not show the number of wires; compare the label of the meter"
)
METER_SECONDARY = Code(
    "meter_secondary",
    'the values are those of the secondary side: give ct, vt and ratio_applied_by = "agent" if there are transformers',
)
METER_ADDRESSES_EXPECTED = Code(
    "meter_addresses_expected", "expected the 12 digits on the label of each meter, separated by commas"
)

# A unit that `identify` cannot query

IDENTIFY_PRIVATE_PROTOCOL = Code(
    "identify_private_protocol",
    "unit {unit_id:d} responds with a protocol that is not Modbus ({data}); no further request was sent",
)
IDENTIFY_NO_FRAME = Code(
    "identify_no_frame",
    "unit {unit_id:d} on {target}: bytes were received, but no valid frame; the serial settings are probably wrong. "
    "`magwatt scan` finds settings and unit identifiers",
)
IDENTIFY_NO_RESPONSE = Code(
    "identify_no_response",
    "unit {unit_id:d} on {target}: no response; `magwatt scan` finds settings and unit identifiers",
)

# The result of an identification

MODEL_IDENTIFIED = Code("model_identified", "{model}")
MODEL_POSSIBLE = Code("model_possible", "possibly {model}")
MODELS_POSSIBLE = Code("models_possible", "one of {models}")
MODEL_SIMILAR = Code("model_similar", "unknown model, most similar to {models}")
MODEL_UNKNOWN = Code("model_unknown", "unknown model")
MODEL_UNKNOWN_NAMED = Code("model_unknown_named", "unknown model with the identification {text:quoted}")

# Notes of an identification

COMPARE_LABEL = Code(
    "compare_label",
    "the device does not report its model, and a related model with the same registers looks the same: compare the "
    "label of the device",
)
FUNCTION_03_NEEDED = Code("function_03_needed", "{n:d} of {total:d} models can only be identified with function 03")
IDENTIFICATION_STOPPED = Code("identification_stopped", "stopped before all registers were read")
DEVICE_STOPPED_RESPONDING = Code(
    "device_stopped_responding", "the device stopped responding before all registers were read"
)

# Evidence for or against a model

REPORTED_IDENTIFICATION = Code(
    "reported_identification", "the device reports the identification {text:quoted} (function 0x{function:02X})"
)
NO_DEVICE_IDENTIFICATION = Code("no_device_identification", "no device identification (function 0x2B)")
FUNCTION_04_UNSUPPORTED = Code("function_04_unsupported", "function 04 is not supported")
VALUES_PLAUSIBLE = Code("values_plausible", "{plausible:d} of {n:d} {n:value|values} plausible")
REGISTER_ZERO = Code("register_zero", "register {address:d} is zero")
REGISTER_REJECTED = Code("register_rejected", "register {address:d} is rejected")
REGISTER_TEXT = Code("register_text", "register {address:d} contains {text:quoted}")
REGISTER_VALUE = Code("register_value", "register {address:d} is {value:d}")
REGISTER_READABLE = Code("register_readable", "register {address:d} is readable")
REGISTERS_WITHOUT_RESPONSE = Code("registers_without_response", "no response for registers {first:d}–{last:d}")
REGISTERS_REJECTED = Code("registers_rejected", "registers {first:d}–{last:d} are rejected")
QUANTITY_REJECTED = Code("quantity_rejected", "{quantity} (register {address:d}), which this model has, is rejected")
SUNSPEC_MARKER_MISSING = Code("sunspec_marker_missing", "no SunSpec marker")
SUNSPEC_MODEL_MISSING = Code("sunspec_model_missing", "SunSpec without model {model:d}")
SUNSPEC_MODEL_FOUND = Code("sunspec_model_found", "SunSpec model {model:d} at register {address:d}")
RELATION_VIOLATED = Code("relation_violated", "not fulfilled: {relation}")

# Relations between the values of a device that only laws.py uses

MATCH_PHASE_VOLTAGES = Code("match_phase_voltages", "equal phase voltages")
MATCH_LINE_VOLTAGES = Code("match_line_voltages", "equal line voltages")
MATCH_POWER_FROM_PHASES = Code("match_power_from_phases", "P = Σ U · I · PF")
MATCH_POWER_LIMIT = Code("match_power_limit", "P between 15 % and 100 % of Σ U · I")
MATCH_DC_LINK = Code("match_dc_link", "DC link voltage fits the mains voltage")
MATCH_OUTPUT_VOLTAGE = Code("match_output_voltage", "output voltage below the DC link voltage")
MATCH_MOTOR_POWER = Code("match_motor_power", "motor power below √3 · U · I")
MATCH_SHAFT_POWER = Code("match_shaft_power", "shaft power fits the motor power")
MATCH_REFERENCE = Code("match_reference", "output frequency = reference frequency")
MATCH_SINGLE_PHASE_POWER = Code("match_single_phase_power", "P between 5 % and 100 % of U · I")
MATCH_SPEED = Code("match_speed", "speed fits the frequency and the number of poles")

# Values that are rejected

UNIT_COUNT_OUT_OF_RANGE = Code("unit_count_out_of_range", "expected 1 to 247 devices")
UNIT_LIST_EXPECTED = Code("unit_list_expected", "expected unit identifiers, for example 1-247 or 1,5,20-30")
UNIT_ID_OUT_OF_RANGE = Code("unit_id_out_of_range", "unit identifiers are 1 to 247")

# Keys of a communication watchdog in a profile

WATCHDOG = {"parameter": N_("parameter"), "default": N_("default"), "reset_by": N_("reset by")}  # keys of a profile

# What an operator does if no device responded

ACT_ON_FINDINGS = Code("act_on_findings", "Next: act on the findings, then scan again.")
NO_DEVICE_ON_LINE = Code(
    "no_device_on_line",
    "No device responded. Check the conductors A and B (swap them), the power supply, the unit identifiers of "
    "the devices and the termination; --full also tries rare settings and slow devices.",
)
NO_DEVICE_AT_HOST = Code(
    "no_device_at_host",
    "No device responded. Check that Modbus is enabled in the device and that it accepts this computer.",
)
