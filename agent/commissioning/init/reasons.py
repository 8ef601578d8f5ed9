"""Codes of `magwatt init`: questions, their choices, rejected answers, and what it reports."""

from __future__ import annotations

from drivers.reasons import Code

# What an empty answer means, and how a terminal shows it

OR_ENTER = Code("or_enter", "{question}; Enter: {meaning}")
NO_BROKER = Code("no_broker", "there is no broker")
NO_LOGIN = Code("no_login", "the broker needs none")
CA_KNOWN = Code("ca_known", "known to this system")
NO_OTHER_BUS = Code("no_other_bus", "there is no other bus")
LINE_UNKNOWN = Code("line_not_known", "unknown, find them by the scan")
NOT_KNOWN = Code("label_not_known", "not known")
NO_OTHER_DEVICE = Code("no_other_device", "no other device")
WITHOUT_TRANSFORMERS = Code("without_transformers", "without transformers")
NONE_OF_THEM = Code("none_of_them", "none")
NOT_ON_NAMEPLATE = Code("not_on_nameplate", "not on the nameplate")

# The gateway

ASK_SITE = Code("ask_site", "Site: name of the plant in MQTT topics (a-z 0-9 _ -), for example mill-2")
ASK_GATEWAY = Code("ask_gateway", "Gateway: name of this computer in MQTT topics")
ASK_TIMEZONE = Code("ask_timezone", "Time zone of the plant, for example Europe/Berlin")
ASK_STATE_DIR = Code("ask_state_dir", "Folder for counters, history and rows that wait for the broker")
ASK_BROKER = Code(
    "ask_broker",
    "MQTT broker, for example mqtt://192.0.2.10:1883 or mqtts://broker.example:8883; none without a broker",
)
ASK_USER = Code("ask_user", "User name at the broker")
ASK_PASSWORD_FILE = Code("ask_password_file", "File that contains the password, relative to the configuration")
ASK_CA = Code("ask_ca", "File with the certificate of the authority that signed the broker's")

# A bus

PORTS_FOUND = Code("ports_found", "Serial ports of this computer:")
PORTS_NOT_FOUND = Code("ports_not_found", "This computer has no serial port")
PORT = Code("port", "  {n:d}  {name}  {description}")
ASK_PORT = Code("ask_port", "Bus: number or name of a serial port, or host[:port] of a Modbus TCP device or gateway")
ASK_NEXT_PORT = Code("ask_next_port", "Next bus: serial port or host[:port], as for the first bus")
PORT_UNKNOWN = Code(
    "port_unknown",
    "this computer has no such serial port; connect the adapter and enter it again, or compare `ls /dev/serial/by-id`. "
    "The port of another computer is written to an answers file (docs/how-to/init.md)",
)
ASK_FRAMING = Code("ask_framing", "{target}: what is at this address")
FRAMING_TCP = Code("framing_tcp", "device or gateway with Modbus TCP")
FRAMING_RTU = Code("framing_rtu", "transparent converter for a serial line")
ASK_LINE = Code("ask_line", "Serial settings of bus {bus}, for example 19200 8E1")
ASK_SCAN = Code("ask_scan", "Scan bus {bus} for devices now? no: enter the devices by hand")
SCAN_INTERRUPTED = Code("scan_interrupted", "The scan of bus {bus} was interrupted; nothing of it is kept")
WATCHDOG_WARNING = Code(
    "watchdog_warning",
    "Warning: a drive whose communication watchdog is active may accept this computer as its master and trip when the "
    "requests end. Scan only while the drives are stopped or the watchdog is disabled",
)
ASK_FC03 = Code("ask_fc03", "May the scan use function 03?")
FC03_WARNING = Code(
    "fc03_warning",
    "Most models can only be identified with function 03. With some private protocols (Huanyang HY) a read request of "
    "function 03 can start the motor",
)
ASK_EXPECT = Code(
    "ask_expect",
    "Devices on bus {bus} according to their labels: unit identifiers such as 11-14,31, with which the scan is much "
    "faster, or only their number",
)
ASK_DEVICES_COMPLETE = Code(
    "ask_devices_complete", "Continue with {n:d} {n:device|devices} on bus {bus}? no: scan again"
)
ASK_DEVICE = Code("ask_device", "Device on bus {bus}: unit identifier and model, for example 11 eastron/sdm630")
ASK_MODEL = Code("ask_model", "Model of unit {unit_id:d} on bus {bus}: compare the label")
ASK_UNKNOWN_MODEL = Code(
    "ask_unknown_model", "Model of unit {unit_id:d} on bus {bus} (`magwatt profiles` lists them), or unused"
)
MODEL_OTHER = Code("model_other", "another model")
UNUSED = Code("unused", "not used: this device is not polled")

# A meter

ASK_BUS = Code("ask_bus", "{device}: name of its bus")
ASK_UNIT_ID = Code("ask_unit_id", "{device}: unit identifier")
ASK_PROFILE = Code("ask_profile", "{device}: model, for example eastron/sdm630; `magwatt profiles` lists them")
ASK_POINT = Code("ask_point", "{meter} ({model}): what does it measure?")
POINT_MOTOR = Code("point_motor", "one motor without a drive")
POINT_DRIVE_INPUT = Code("point_drive_input", "the input of a drive")
POINT_FEEDER = Code("point_feeder", "several motors or drives, or another load")
ASK_SAME_METER = Code("ask_same_meter", "{meter}: class, connection and transformers")
OWN_DATA = Code("own_data", "enter them")
SAME_METER = Code("same_meter", "as this meter: class {accuracy}, {wiring}, current transformers {ct}")
ASK_CLASS = Code("ask_class", "{meter}: accuracy class on the label, for example 0.5S, 1 or B")
ASK_WIRING = Code("ask_wiring", "{meter}: connection")
WIRING_3P4W = Code("wiring_3p4w", "three phases and neutral, three current inputs")
WIRING_3P3W = Code("wiring_3p3w", "three phases without neutral, two current inputs")
WIRING_1P2W = Code("wiring_1p2w", "one phase")
ASK_CT = Code("ask_ct", "{meter}: ratio of the current transformers, for example 200/5; direct: without transformers")
ASK_CT_CLASS = Code("ask_ct_class", "{meter}: class of the current transformers, for example 0.5")
ASK_VT = Code(
    "ask_vt", "{meter}: ratio of the voltage transformers, for example 10000/100; direct: without transformers"
)
ASK_VT_CLASS = Code("ask_vt_class", "{meter}: class of the voltage transformers, for example 0.5")
ASK_APPLIED_BY = Code("ask_applied_by", "{meter}: who applies the ratio of the transformers?")
APPLIED_BY_METER = Code("applied_by_meter", "the meter: the ratio is set in it, its display shows primary values")
APPLIED_BY_AGENT = Code("applied_by_agent", "magwatt: the meter returns secondary values")

# A drive

ASK_COMM_LOSS = Code("ask_comm_loss", "{drive} ({model}): communication watchdog on this port, as found at the drive")
WATCHDOG_PARAMETER = Code(
    "watchdog_parameter",
    "Polling may activate or mask the watchdog of {drive}, which may stop the motor when polling ends. Parameters: "
    "{parameter}",
)
COMM_LOSS_NOT_USED = Code("comm_loss_not_used", "off on this port")
COMM_LOSS_OTHER_PORT = Code("comm_loss_other_port", "on, for another port")
COMM_LOSS_WARNING = Code("comm_loss_warning", "on, and only warns")
COMM_LOSS_STOPS = Code("comm_loss_stops", "on, and stops the motor: the drive is not polled")
ASK_FED_BY = Code("ask_fed_by", "{drive}: meter at its input")
POWER_OF_DRIVE = Code("power_of_drive", "{drive}: {showed}; the meter at its input shows a few percent more")
POWER_SHOWN = Code("power_shown", "{power_w:kw} kW during the scan")
NO_METER = Code("no_meter", "it has no meter")

# A motor

ASK_MOTORS = Code(
    "ask_motors", "Motor that {source} feeds: name in MQTT topics, for example pump-1; several are separated by commas"
)
ASK_MOTORS_OF_METER = Code(
    "ask_motors_of_meter", "Motor that {source} measures: name in MQTT topics, for example pump-1"
)
ASK_MOTORS_OF_FEEDER = Code(
    "ask_motors_of_feeder", "Motors without a drive that {source} measures, separated by commas"
)
ASK_SAME = Code("ask_same", "{motor}: nameplate")

SAME_NAMEPLATE = Code("same_nameplate", "as this motor: {kw:g} kW, {volts:g} V, {amps:g} A, {rpm:g} r/min")
ASK_KIND = Code("ask_kind", "{motor}: kind of motor")
KIND_PM = Code("kind_pm", "permanent-magnet motor on a drive")
KIND_LINE_START = Code("kind_line_start", "permanent-magnet motor that also starts direct on line")
KIND_INDUCTION = Code("kind_induction", "induction motor")
ASK_KW = Code("ask_kw", "{motor}: rated power of the nameplate in kW")
ASK_VOLTS = Code("ask_volts", "{motor}: rated voltage in V, of the connection that is used")
ASK_AMPS = Code("ask_amps", "{motor}: rated current in A, at this voltage")
ASK_HZ = Code("ask_hz", "{motor}: rated frequency in Hz")
ASK_RPM = Code("ask_rpm", "{motor}: rated speed in r/min (rpm)")
ASK_POLES = Code("ask_poles", "{motor}: number of poles, 2 for each pole pair")
ASK_COS_PHI = Code("ask_cos_phi", "{motor}: cos φ")
ASK_IE_CLASS = Code("ask_ie_class", "{motor}: efficiency class")
NO_CLASS = Code("no_class", "not on the nameplate")
ASK_EFFICIENCY = Code("ask_efficiency", "{motor}: efficiency at rated load in %")
ASK_CONFIRMED = Code("ask_confirmed", "{motor}: {contradictions}. Keep these values? no: enter the nameplate again")

# Contradictory nameplates

SPEED_WITHOUT_POLES = Code(
    "speed_without_poles",
    "{rpm:g} r/min does not fit {hz:g} Hz: the rated speed of an induction motor is up to 15 % below a synchronous "
    "speed, here {near:g} r/min. Compare both with the nameplate",
)
SPEED_NOT_SYNCHRONOUS = Code(
    "speed_not_synchronous",
    "{rpm:g} r/min does not fit {hz:g} Hz: with {poles:d} poles it would be {near:g} r/min. Compare both with the "
    "nameplate",
)
NAMEPLATE_CONTRADICTORY = Code(
    "nameplate_contradictory",
    "from power, voltage, current and cos φ the efficiency would be {efficiency_pct:.0f} %; one of them is probably "
    "misread. With {fitting_a:.3g} A instead of {amps:g} A they agree",
)
CURRENT_UNUSUAL = Code(
    "current_unusual",
    "{amps:g} A is unusual for {kw:g} kW at {volts:g} V, usual are {usual_a:.3g} A; one of them is probably misread or "
    "belongs to the other connection (star or delta)",
)
EFFICIENCY_OUTSIDE_CLASS = Code(
    "efficiency_outside_class",
    "an efficiency of {efficiency_pct:g} % does not fit class {ie_class}, whose limit is {limit_pct:.1f} %",
)

# Rejected answers

ANSWER_REJECTED = Code("answer_rejected", "{typed:quoted}: {cause}")
ANSWER_EMPTY = Code("answer_empty", "an answer is needed; Ctrl-C ends the questions and keeps the answers")
CHOICE_EXPECTED = Code("choice_expected", "not one of the choices; enter a number from 1 to {last:d}")
NOT_A_NUMBER = Code("not_a_number", "not a number; write for example 90.5")
DECIMAL_COMMA = Code("decimal_comma", "write {value}, with a decimal point")
NUMBER_WITH_UNIT = Code("number_with_unit", "write {value}, without the unit")
NUMBER_IN_QUOTES = Code("number_in_quotes", "write {value}, without quotation marks")
NAME_USED = Code("name_used", "{name} is already the name of another device or motor")
NAMES_MISSING = Code("names_missing", "no name; write for example pump-1")
NAME_WITHOUT_LETTER = Code("name_without_letter", "a number is not a name; write for example pump-1")
MOTOR_NAME_EXPECTED = Code(
    "motor_name_expected",
    "a name has 1 to 64 characters of a-z 0-9 _ -, no capital letters and no spaces; for example pump-1",
)
RATIO_OR_DIRECT = Code("ratio_or_direct", "write the ratio, for example 150/5, or direct without transformers")
ONE_NAME_EXPECTED = Code("one_name_expected", "one motor only: this meter measures one motor without a drive")
DEVICE_EXPECTED = Code("device_expected", "write unit identifier and model, for example 11 eastron/sdm630")
UNIT_USED = Code("unit_used", "unit identifier {unit_id:d} on bus {bus} is already that of {other}")

# Without a terminal

ANSWER_MISSING = Code("answer_missing", "missing: {question}")
ANSWER_OR_EMPTY_MISSING = Code("answer_or_empty_missing", 'missing: {question}. Without one write ""')
CHOICES_ARE = Code("choices_are", "{question}; one of {choices}")
CONFIRMATION_MISSING = Code(
    "confirmation_missing", "{contradictions}: write confirmed = true, or correct the nameplate"
)
MOTOR_MISSING = Code("motor_missing", "no motor has fed_by = {source:quoted}: add [motor.NAME] with it")
DEVICES_MISSING = Code(
    "devices_missing",
    "no meter or drive is on bus {bus}: add [meter.NAME] or [drive.NAME] with bus, unit_id and profile, or run "
    "`magwatt init` in a terminal, which scans the bus",
)
