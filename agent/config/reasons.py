"""Codes of the configuration: problems that prevent the start, findings to decide on, and notes."""

from __future__ import annotations

from agent.core.text import N_
from drivers.reasons import Code

LEVELS = (N_("problem"), N_("finding"), N_("note"))
TABLE_KINDS = (N_("bus"), N_("meter"), N_("drive"), N_("motor"), N_("meter or drive"), N_("device"), N_("signal"))

# Files

FILE_MODE_OPEN = Code(
    "file_mode_open", "the group or all users can read this file (mode {mode:04o}); run `chmod 600 {path}`"
)

CONFIG_FILE_MISSING = Code(
    "config_file_missing", "no such file: {path}; give the path of the configuration with --config FILE"
)
CONFIG_FILE_FORBIDDEN = Code(
    "config_file_forbidden",
    "this user may not read {path}; run the command with sudo, or as the user of the service",
)
SECRET_FILE_MISSING = Code(
    "secret_file_missing", "no such file: {path}; write the password or key into it, and run `chmod 600 {path}`"
)
CERTIFICATE_FILE_MISSING = Code(
    "certificate_file_missing", "no such file: {path}; copy the certificate in PEM format there, or omit this key"
)

# Tables and keys

CONFIG_KEY_RENAMED = Code("config_key_renamed", "renamed; write {new} = {value}")
CONFIG_TABLE_UNKNOWN = Code("config_table_unknown", "unknown table")
TABLE_NAME_INVALID = Code("table_name_invalid", "invalid name: {cause}")
SITE_MISSING = Code(
    "site_missing", 'missing; it identifies the plant and this gateway, for example id = "mill-2", gateway = "gw-07"'
)

# Types of values

LIST_EXPECTED = Code("list_expected", "expected a list, for example {example}")
TEXT_EXPECTED = Code("text_expected", "expected a string in quotation marks")
CONTROL_CHARACTER = Code("control_character", "contains a control character, such as a tab; delete it")
BOOLEAN_EXPECTED = Code("boolean_expected", "expected true or false")
IDENTIFIER_EXPECTED = Code(
    "identifier_expected", "expected 1 to 64 characters of a-z 0-9 _ - (the value is used as an MQTT topic level)"
)
TOPIC_LEVELS_EXPECTED = Code("topic_levels_expected", "expected topic levels of A-Z a-z 0-9 _ - separated by /")
CHOICE_UNKNOWN = Code("choice_unknown", "expected one of {allowed}")
NUMBER_EXPECTED = Code("number_expected", "expected a number")
QUANTITY_EXPECTED = Code("quantity_expected", "expected a number in {unit}")
NUMBER_LIMITS = Code("number_limits", "expected a number from {low:g} to {high:g}")
QUANTITY_LIMITS = Code("quantity_limits", "expected {low:g} to {high:g} {unit}")
INTEGER_LIMITS = Code("integer_limits", "expected an integer from {low:d} to {high:d}")
EVEN_INTEGER_LIMITS = Code("even_integer_limits", "expected an even integer from {low:d} to {high:d}")
DURATION_EXPECTED = Code("duration_expected", 'expected a duration, for example "1s", "500ms" or "5min"')
DURATION_LIMITS = Code("duration_limits", "expected {low_s:g} s to {high_s:g} s")
SIZE_EXPECTED = Code("size_expected", 'expected a size, for example "500MB" or "2GB"')
SIZE_LIMITS = Code("size_limits", "expected {low_mb:g} MB to {high_mb:g} MB")
PERCENTAGE_EXPECTED = Code("percentage_expected", 'expected {low_pct:g} % to {high_pct:g} %, for example "5%"')
RATIO_EXPECTED = Code("ratio_expected", 'expected a ratio, for example "400/5"')
ADDRESS_EXPECTED = Code("address_expected", 'expected an address, for example "192.0.2.40:{port:d}"')
DATE_EXPECTED = Code("date_expected", "expected a date without quotation marks, for example 2026-03-01")
BROKER_URL_EXPECTED = Code(
    "broker_url_expected", 'expected the address of a broker, for example "mqtt://host:1883" or "mqtts://host:8883"'
)
URL_WITH_CREDENTIALS = Code(
    "url_with_credentials", "contains a user name or password; write them in user and password_file"
)
LINE_SETTINGS_EXPECTED = Code(
    "line_settings_expected", 'expected baud rate, data bits, parity and stop bits, for example "19200 8E1"'
)
TIME_ZONE_UNKNOWN = Code(
    "time_zone_unknown", 'no such time zone; write a name of the tz database, for example "Asia/Shanghai"'
)
CONFIG_PROFILE_UNKNOWN = Code("config_profile_unknown", "no such profile; `magwatt profiles` lists them")
CT_CLASS_EXPECTED = Code(
    "ct_class_expected", 'expected one of {allowed}, or limits from a certificate, for example "0.05 % 2\'"'
)
CT_LIMITS_RANGE = Code("ct_limits_range", "the limits of a certificate must be within 0.01 % to 3 % and 0.5' to 120'")
METER_CLASS_EXPECTED = Code(
    "meter_class_expected", 'expected one of {allowed}, or the limit from a certificate, for example "0.12 %"'
)
METER_LIMIT_RANGE = Code("meter_limit_range", "the limit of a certificate must be within 0.01 % to 3 %")
SEVEN_LOSSES_EXPECTED = Code(
    "seven_losses_expected", "expected seven losses in W, at the seven points of IEC 60034-2-3 (GB/T 32877-2022)"
)
EIGHT_LOSSES_EXPECTED = Code(
    "eight_losses_expected", "expected eight losses in W, at the eight points of IEC 61800-9-2"
)
TOPIC_WILDCARD = Code(
    "topic_wildcard", "contains a wildcard (+ or #); a signal has exactly one topic, write it in full"
)
SHARED_SUBSCRIPTION = Code(
    "shared_subscription", "is a shared subscription, which delivers only part of the messages; omit $share/…"
)
TOPIC_TOO_LONG = Code("topic_too_long", "is longer than {bytes_max:d} bytes")

# Buses and brokers

SERIAL_OR_TCP = Code("serial_or_tcp", "expected either serial or tcp; both are missing")
SERIAL_AND_TCP = Code("serial_and_tcp", "expected either serial or tcp, not both")
LINE_SETTINGS_MISSING = Code(
    "line_settings_missing", 'missing; write baud rate, data bits, parity and stop bits, for example "19200 8E1"'
)
SERIAL_FRAMING = Code("serial_framing", "a serial line uses Modbus RTU; omit framing")
LISTEN_NEEDS_A_LINE = Code(
    "listen_needs_a_line",
    'only a serial line can be listened to: a serial port, or a transparent converter with framing = "rtu" or '
    '"dlt645"; Modbus TCP shows no client the requests of another',
)
SUNSPEC_ON_LISTENED_BUS = Code(
    "sunspec_on_listened_bus",
    'registers of SunSpec are found by requests, and on [bus.{bus}] (mode = "listen") nothing is sent; choose a '
    "profile with fixed addresses",
)
CERTIFICATE_WITHOUT_KEY = Code("certificate_without_key", "cert and key are both required, or neither")
TLS_KEY_UNUSED = Code("tls_key_unused", "not used, because the broker URL is mqtt://; did you mean mqtts://?")
PASSWORD_WITHOUT_USER = Code("password_without_user", "a password requires the name of its user; give user, too")
CA_WITHOUT_TLS = Code("ca_without_tls", "a certificate authority (ca) requires TLS; did you mean mqtts://?")
DIALECT_WITHOUT_BROKER = Code("dialect_without_broker", "requires a broker; without an [mqtt] table it is off")
DISCOVERY_PREFIX_INVALID = Code(
    "discovery_prefix_invalid",
    "expected topic levels of A-Z a-z 0-9 _ - separated by /, without wildcards; Home Assistant output is off",
)
SPARKPLUG_ID_INVALID = Code("sparkplug_id_invalid", "must not contain + # / (Sparkplug 3.0, chapter 4)")
WIDE_LAYOUT_NEEDS_PARQUET = Code(
    "wide_layout_needs_parquet", 'layout = "wide" writes Parquet; delete format = "ndjson"'
)
OPEN_TO_NETWORK = Code("open_to_network", "{host} accepts connections from the network without a password")

# The plant

NAME_TAKEN = Code("name_taken", "{other} has the same name; each meter, drive and motor needs its own topic")
REFERENCE_MISSPELLED = Code("reference_misspelled", "no such {kind:word}; did you mean {near:quoted}?")
REFERENCE_UNKNOWN = Code("reference_unknown", "no such {kind:word}; the configuration has {known}")
REFERENCE_WITHOUT_TARGET = Code("reference_without_target", "no such {kind:word}; the configuration has none")
METER_AT_DRIVE_OUTPUT = Code(
    "meter_at_drive_output",
    "a mains meter measures incorrectly at the output of a drive (pulse-width modulation); install it at the input of "
    "the drive",
)
FEEDS_DRIVE = Code("feeds_drive", 'the meter feeds drive {drive}; write measuring_point = "drive-input"')
FEEDS_RECTIFIER = Code(
    "feeds_rectifier",
    "drive {drive} has no rectifier, so that the meter measures that of the DC bus and not the input of the drive; "
    'write measuring_point = "feeder"',
)
PM_WITHOUT_DRIVE = Code(
    "pm_without_drive",
    'a permanent-magnet motor cannot run direct on line; write the name of its drive, or kind = "pm-line-start"',
)
FED_BY_LOOP = Code("fed_by_loop", "the meter feeds itself; the fed_by keys form a loop: {meters}")
DRIVE_PROFILE_EXPECTED = Code("drive_profile_expected", "is not the profile of a drive")
METER_PROFILE_EXPECTED = Code("meter_profile_expected", "is the profile of a drive; move this table to [drive.…]")
COMM_LOSS_NOT_STATED = Code(
    "comm_loss_not_stated",
    "missing: polling may arm, feed or mask the communication watchdog of the drive. Check its setting, then write for "
    'example comm_loss = "not used". This drive is not polled until then',
)
COMM_LOSS_PARAMETER_NOT_STATED = Code(
    "comm_loss_parameter_not_stated",
    "missing: polling may arm, feed or mask the communication watchdog of the drive. Check parameter {parameter}, then "
    'write for example comm_loss = "not used". This drive is not polled until then',
)
COMM_LOSS_ARMED = Code(
    "comm_loss_armed",
    "polling would feed the watchdog, and the drive would trip when the agent stops; this drive is not polled",
)
PRIVATE_PROTOCOL = Code(
    "private_protocol",
    "uses a private protocol in which a read frame may be a command; the device is not polled. Install a meter at its "
    "input",
)
CT_CLASS_ASSUMED = Code("ct_class_assumed", "missing; class 1 is assumed for the uncertainty")
VT_CLASS_WITHOUT_VT = Code(
    "vt_class_without_vt",
    'there are no voltage transformers; add their ratio, for example vt = "10000/100", or remove vt_class',
)
EIGHT_POINTS_MISSING = Code(
    "eight_points_missing",
    "missing: by its class the efficiency of the drive is known to ±{rated_by_class:pct1} points at rated load and "
    "±{half_by_class:pct1} at half torque and speed, which separates no two classes; with the eight losses of "
    "IEC 61800-9-2 from the manufacturer's documentation to ±{rated_by_points:pct1} and ±{half_by_points:pct1}",
)
EIGHT_POINTS_MISSING_EQUAL = Code(
    "eight_points_missing_equal", "{first}; the same holds for {count:d} other {count:drive|drives}"
)

# Calibration certificates

CALIBRATION_TABLE_EXPECTED = Code(
    "calibration_table_expected",
    'expected a table, for example {{ number = "E2026-0815", laboratory = "Provincial Institute of Metrology", '
    "issued = 2026-03-01, valid_until = 2032-02-28 }}, or a list of such tables",
)
CALIBRATION_UNDATED = Code(
    "calibration_undated",
    "states no dates, so that its end is not detected; write a table with number, laboratory, issued and valid_until",
)
CALIBRATION_DAYS = Code("calibration_days", "is before the day of issue ({issued})")
CALIBRATION_WITHOUT_TRANSFORMERS = Code(
    "calibration_without_transformers", "the ratio of these transformers is missing; add {ratio}, or remove this key"
)
CALIBRATION_OF_OTHER_METER = Code(
    "calibration_of_other_meter",
    "is of the meter with serial number {stated}, and serial_number is {configured}. Check which meter is installed, "
    "then correct serial_number or add the certificate of this meter",
)
CALIBRATION_ENDED = Code(
    "calibration_ended",
    "certificate {number} was valid until {until}: each month with a later day is provisional. Have the device "
    "calibrated, and add the new certificate",
)
CALIBRATION_ENDS = Code(
    "calibration_ends",
    "certificate {number} is valid until {until} ({days:d} {days:day|days} left). Have the device calibrated before, "
    "and add the new certificate",
)
CALIBRATION_AHEAD = Code(
    "calibration_ahead", "certificate {number} is dated {issued}, which is in the future; check the date"
)
CERTIFICATE_LINE = Code("certificate_line", "{number}, {laboratory}, {issued}, valid until {until}")
CERTIFICATE_UNDATED = Code("certificate_undated", "{number}; valid until: not stated")

BUS_MISSING = Code(
    "bus_missing", 'missing: nothing is measured; write for example [bus.south] with tcp = "192.0.2.40:502"'
)
NO_DEVICE_TO_POLL = Code(
    "no_device_to_poll", "no device to poll: no meter, and no drive whose comm_loss permits polling"
)
UNIT_ID_TAKEN = Code(
    "unit_id_taken",
    "{other} on bus {bus} has the same unit identifier; set another one in one of the two devices, and here",
)
PORT_TAKEN = Code("port_taken", "{other} uses {port} already; write another port, or move the devices to {other}")
SIGNAL_METRIC_TAKEN = Code(
    "signal_metric_taken", "has the same metric name as signal.{other} ({metric}); rename one of them"
)
WAVEFORM_POINT = Code(
    "waveform_point",
    "accepted: harmonics have the same metric names at each measuring point; the measuring point is published in meta",
)
RATIO_NOT_READABLE = Code(
    "ratio_not_readable", "the meter has no register for its transformer ratio; check the ratio at the meter"
)

# Meters of DL/T 645-2007, and PLCs

METER_ADDRESS_EXPECTED = Code(
    "meter_address_expected",
    "expected the 12 digits of the address on the label of the meter, in quotes, for example "
    'unit_id = "000000000161"; `magwatt scan` reads the address of a single meter',
)
UNIT_ID_EXPECTED = Code("unit_id_expected", "expected a unit identifier from 1 to 255 without quotes")
METER_BUS_FRAMING = Code(
    "meter_bus_framing", 'the meter uses DL/T 645 instead of Modbus; write framing = "dlt645" in [bus.{bus}]'
)
MODBUS_ON_METER_BUS = Code(
    "modbus_on_meter_bus",
    "the device uses Modbus, but bus {bus} is a line with meters of DL/T 645; connect it to another serial port",
)
DATA_BLOCK_EXPECTED = Code(
    "data_block_expected",
    "expected a data block of the PLC, in quotes, with an even first byte if the device does not begin at 0: for "
    'example unit_id = "DB100" or "DB100.DBB32"',
)
PLC_BUS_FRAMING = Code(
    "plc_bus_framing", 'the profile describes a data block of a PLC; write framing = "s7" in [bus.{bus}]'
)
OTHER_ON_PLC_BUS = Code(
    "other_on_plc_bus",
    "bus {bus} is a PLC, of which only data blocks are read: use a profile of dialect s7, such as siemens/s7-drive",
)
PLC_ON_SERIAL_LINE = Code(
    "plc_on_serial_line", 'a PLC is read over Ethernet only; write tcp = "192.0.2.40" instead of serial'
)
PLC_LIBRARY_MISSING = Code(
    "plc_library_missing",
    "the library python-snap7 is not installed, so that no PLC can be read. Run `pip install 'magwatt[s7]'`",
)
RACK_WITHOUT_PLC = Code("rack_without_plc", 'only valid for a PLC; write framing = "s7" in [{bus}], or omit it')
SIGNAL_BYTE_ODD = Code(
    "signal_byte_odd", "in a data block, the address of a signal is its first byte, which is even: 0, 2, 4, …"
)
METER_PARITY_UNUSUAL = Code(
    "meter_parity_unusual", 'meters of DL/T 645 use 8 data bits and even parity, for example line = "2400 8E1"'
)
METER_RATIO_SECONDARY = Code(
    "meter_ratio_secondary",
    'a meter of DL/T 645 shows the values of the secondary side; write ratio_applied_by = "agent"',
)
METER_PROFILE_WIRING = Code("meter_profile_wiring", "wiring {wiring} requires the profile {profile}")
ENERGY_STEP_COARSE = Code(
    "energy_step_coarse",
    "a step of the energy counter is {step_kwh:g} kWh on the primary side; at rated power the motors use "
    "{quarter_kwh:.1f} kWh in 15 min. The counter cannot prove a saving of a quarter of an hour, only that of days "
    "and months: energies of 15 min are calculated from the active power, and the counter fills no gap in which it "
    "made less than 10 steps (at rated power: {hours:.1f} h)",
)

# Alarms

ALARM_WITHOUT_LIMIT = Code(
    "alarm_without_limit", "this alarm has no limit to set, its source decides; remove the key. With a limit: {codes}"
)
ALARM_LIMITS_EXPECTED = Code(
    "alarm_limits_expected",
    "expected a number, or a list of two: the limit, and a second one that is worse, for example [130, 145]",
)
ALARM_LIMITS_HIGH_ORDER = Code("alarm_limits_high_order", "the second limit must be above the first")
ALARM_LIMITS_LOW_ORDER = Code("alarm_limits_low_order", "the second limit must be below the first")
ALARM_SAFETY_FIXED = Code(
    "alarm_safety_fixed", "this alarm protects people: it keeps its priority and is always enabled; remove the key"
)
ALARM_NOT_OF_MOTOR = Code("alarm_not_of_motor", "is not an alarm of one motor; write it in [alarms.{code}]")
ALARM_WITHOUT_START = Code("alarm_without_start", "no motor starts here; remove the key")

# Signals

LIMITS_REVERSED = Code("limits_reversed", "is above high ({high:g}); no value would be valid")
CALIBRATION_ORDER = Code(
    "calibration_order", "`after` must be later than `before`: the dates of two calibrations of the signal"
)
TOPIC_AND_REGISTER = Code("topic_and_register", "has a topic and a register ({keys}); omit one of them")
TOPIC_MISSING = Code(
    "topic_missing", "missing; a signal is read from a topic, or from a register (bus, unit_id, address, type)"
)
OWN_TOPIC = Code("own_topic", "is a topic of this agent; it would read the values that it publishes")
TIME_WITHOUT_VALUE = Code("time_without_value", "requires value: a payload that is a bare number has no other field")
SIGNAL_TOO_SLOW = Code(
    "signal_too_slow",
    "{measures} is required at least every {longest_s:g} s, to match the measured power; write for example "
    'expected_interval = "1s"',
)
LOGIN_WITHOUT_BROKER = Code(
    "login_without_broker", "requires broker; without it the signal uses the broker and login of [mqtt]"
)
SIGNAL_WITHOUT_BROKER = Code(
    "signal_without_broker", 'has no broker; add an [mqtt] table, or broker = "mqtt://host:1883" here'
)

# Tariff

PRICES_EXPECTED = Code(
    "prices_expected",
    "expected a table of names and prices per kWh, for example {{ peak = 1.05, valley = 0.34 }}",
)
QUARTER_HOUR_EXPECTED = Code(
    "quarter_hour_expected", 'expected a time on a quarter hour, for example "07:30"; "24:00" is the end of the day'
)
POWER_FACTOR_STANDARD_EXPECTED = Code("power_factor_standard_expected", "expected 0.80, 0.85 or 0.90")
PRICE_UNUSED = Code("price_unused", "not used, because [tariff] has the prices")
TARIFF_CURRENCY_MISSING = Code("tariff_currency_missing", "missing; the report shows costs without a currency")
WINDOW_NOT_QUARTER_HOURS = Code(
    "window_not_quarter_hours", "expected a multiple of 15 min, the interval in which energies are stored"
)
PERIODS_MISSING = Code(
    "periods_missing", "missing: the times of {prices} are not defined; add [[tariff.period]] tables"
)
PERIOD_TABLES_EXPECTED = Code("period_tables_expected", "expected [[tariff.period]] tables")
PRICE_UNKNOWN = Code("price_unknown", "no such price in tariff.prices")
TARIFF_PERIOD_EMPTY = Code(
    "tariff_period_empty", 'start and end are equal; for the full day write from = "00:00", to = "24:00"'
)
MONTH_PRICES_EXPECTED = Code(
    "month_prices_expected", 'expected tables of prices by month: [tariff.prices_in."2026-10"]'
)
MONTH_EXPECTED = Code("month_expected", "expected a month, for example 2026-10")
VALUE_INVALID = Code("value_invalid", "invalid value: {error}")
PERIOD_ORDER = Code("period_order", "{later} must start after {earlier}")
BASELINE_PERIOD_AHEAD = Code(
    "baseline_period_ahead",
    "the baseline period starts in {days:d} {days:day|days}; data until then are not part of it. Check the date",
)

# Tariff and emission factors

TARIFF_GAP = Code("tariff_gap", "the tariff has no price at {at_ms:local}")
TARIFF_OVERLAP = Code("tariff_overlap", "the tariff has {n:d} prices at {at_ms:local}")
PRICE_MISSING = Code("price_missing", "no price from {start} to {end} (days: {days}; months: {months})")
PRICES_OVERLAP = Code("prices_overlap", "{prices} overlap from {start} to {end} (days: {days}; months: {months})")
NOT_A_MONTH = Code("not_a_month", "{text}: not a month; write for example 2026-10")
GRID_FACTOR_UNKNOWN = Code(
    "grid_factor_unknown", "{name}: unknown grid factor; write the name of a grid, or a number in kg/kWh"
)
GRID_FACTOR_YEAR = Code("grid_factor_year", "{name}: no factor for {year:d}; available: {years}")
