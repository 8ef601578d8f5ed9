"""Codes of the errors of buses, devices and recordings, and of the notes about a recording.

Fields: target is a serial port, or host:port; port is a serial port; peer is host:port. unit_id and address are those
of the request. path is the file as it was named; file is its name without directories.
"""

from __future__ import annotations

from collections.abc import Sequence

from drivers.reasons import Code, Reason

# A request without a valid response

NO_RESPONSE = Code("no_response", "unit {unit_id:d}, address {address:d}: no response within {timeout_s:.2g} s")
NO_VALID_RESPONSE = Code(
    "no_valid_response",
    "unit {unit_id:d}, address {address:d}: no response within {timeout_s:.2g} s; {n_bytes:d} bytes received that are "
    "no response: check baud rate, parity and interference",
)
LATE_RESPONSE_PENDING = Code(
    "late_response_pending",
    "unit {unit_id:d}, address {address:d}: request postponed by a few seconds: a late response to an earlier request "
    "could be mistaken for its own",
)
RESPONSE_CORRUPT = Code(
    "response_corrupt", "unit {unit_id:d}, address {address:d}: the response was corrupt and was discarded"
)
METER_NO_RESPONSE = Code("meter_no_response", "meter {meter}, data {identifier}: no response within {timeout_s:.2g} s")
METER_NO_VALID_RESPONSE = Code(
    "meter_no_valid_response",
    "meter {meter}, data {identifier}: no response within {timeout_s:.2g} s; {n_bytes:d} bytes received that are no "
    "response: check baud rate, even parity and interference; several meters that respond to the same request",
)
METER_RESPONSE_CORRUPT = Code(
    "meter_response_corrupt", "meter {meter}, data {identifier}: the response was corrupt and was discarded"
)
METER_RESPONSE_PENDING = Code(
    "meter_response_pending",
    "meter {meter}, data {identifier}: request postponed by a few seconds: a late response to an earlier request could "
    "be mistaken for its own",
)
METER_VALUE_LENGTH = Code(
    "meter_value_length",
    "meter {meter}, data {identifier}: the value has {n_bytes:d} bytes, the profile expects {expected:d}; it was "
    "discarded",
)
METER_REJECTION = Code("meter_rejection", "meter {meter}, data {identifier}: rejected: {causes}")
METER_REJECTIONS = (  # by bit of the error byte, DL/T 645-2007, 8
    Code("meter_rejection_other", "other error"),
    Code("meter_rejection_no_data", "the meter does not have these data"),
    Code("meter_rejection_password", "password or permission missing; reading needs none by the standard"),
    Code("meter_rejection_speed", "the speed cannot be changed"),
    Code("meter_rejection_zones", "number of time zones of the year exceeded"),
    Code("meter_rejection_periods", "number of periods of the day exceeded"),
    Code("meter_rejection_tariffs", "number of tariffs exceeded"),
    Code("meter_rejection_reserved", "reserved error bit"),
)
OVERREAD_REJECTED = Code(
    "overread_rejected", "unit {unit_id:d}, address {address:d}: the device rejects reads beyond the block"
)
PART_REJECTED = Code(
    "part_rejected", "unit {unit_id:d}, address {address:d}: the device rejects reads of a part of the block"
)

# Modbus exception responses. Source: Modbus application protocol V1.1b3, 7.

MODBUS_EXCEPTION = Code(
    "modbus_exception", "unit {unit_id:d}, address {address:d}: exception 0x{exception:02X} ({cause})"
)
EXCEPTIONS = {
    0x01: Code("illegal_function", "illegal function"),
    0x02: Code("illegal_data_address", "illegal data address"),
    0x03: Code("illegal_data_value", "illegal data value"),
    0x04: Code("server_device_failure", "server device failure"),
    0x05: Code("acknowledge", "acknowledge"),
    0x06: Code("server_device_busy", "server device busy"),
    0x08: Code("memory_parity_error", "memory parity error"),
    0x0A: Code("gateway_path_unavailable", "gateway path unavailable"),
    0x0B: Code("gateway_target_no_response", "gateway target device failed to respond"),
}
EXCEPTION_UNKNOWN = Code("exception_unknown", "unknown exception code")

# PLC, S7 protocol. place is a data block and byte, as in STEP 7. Return codes of an item: python-snap7, s7protocol.py

PLC_NO_RESPONSE = Code("plc_no_response", "{place}: no response of the PLC within {timeout_s:.2g} s")
PLC_RESPONSE_CORRUPT = Code("plc_response_corrupt", "{place}: the response was corrupt and was discarded")
PLC_CONNECTION_REJECTED = Code(
    "plc_connection_rejected",
    "{peer}: the PLC does not set up an S7 connection to rack {rack:d}, slot {slot:d}. Check both in [bus] (S7-1200 "
    "and S7-1500: 0 and 1; S7-300: 0 and 2; S7-400: as in the hardware configuration). If they are right, all its "
    "connections are in use: end one of another system",
)
PLC_OUT_OF_RANGE = 0x05
_DENIED = Code(
    "plc_access_denied",
    '{place}: the PLC denies the access ({error}). In TIA Portal, permit "access with PUT/GET communication from '
    'remote partner" and at least read access (properties of the CPU, Protection & Security), and load the hardware '
    "configuration",
)
PLC_REJECTIONS = {
    0x03: _DENIED,
    0x8104: _DENIED,
    PLC_OUT_OF_RANGE: Code(
        "plc_out_of_range",
        "{place}: not in the data block ({error}): it is shorter than the register map, or it has optimized block "
        'access. In TIA Portal, compare the offsets and switch off "Optimized block access" (properties of the block)',
    ),
    0x0A: Code(
        "plc_block_missing",
        "{place}: the PLC has no such data block for other systems ({error}). Check its number; in TIA Portal, switch "
        'off "Optimized block access" (properties of the block), compile it and load it',
    ),
}
PLC_REJECTION_OTHER = Code("plc_rejection_other", "{place}: rejected by the PLC with error {error}")

# Another master on the bus

BYTES_BEFORE_FIRST_REQUEST = Code(
    "bytes_before_first_request",
    "{target}: received {n_bytes:d} bytes in {seconds:g} s of listening that are no Modbus frames: another master is "
    "active, or interference; no request is sent. Compare baud rate and parity with those of the other master",
)
FRAMES_NOT_REQUESTED = Code(
    "frames_not_requested",
    "{target}: another master is active on the bus since {since_ms:local}; no request is sent. Received: {frames}",
)
FOREIGN_REQUESTS = Code(
    "foreign_requests",
    "{n:d} {n:request|requests} to unit {unit_id:d}, function {function:d}, address {address:d}",
)
FOREIGN_METER_REQUESTS = Code(
    "foreign_meter_requests",
    "{n:d} {n:request|requests} to meter {meter}, control code {function:02X}H, data {identifier}",
)
FOREIGN_RESPONSES = Code(
    "foreign_responses", "{n:d} {n:response|responses} of unit {unit_id:d}, function {function:d}, to another master"
)
MORE_FRAMES = Code("more_frames", "{n:d} other {n:request|requests}")
NOT_READ_BY_MASTER = Code(
    "not_read_by_master",
    "unit {unit_id:d}, address {address:d}: the other master does not read this register; add it to its requests",
)
NOT_HEARD = Code(
    "not_heard",
    "unit {unit_id:d}: no response received for {seconds:.0f} s; check that the other master still reads this device",
)
NOTHING_HEARD = Code(
    "nothing_heard",
    "nothing received from unit {unit_id:d} in {seconds:.0f} s: the other master does not read this device, or the "
    "port is not connected to its line",
)
REGISTERS_NOT_READ = Code(
    "registers_not_read",
    "the other master does not read {n:d} of {total:d} registers, among them {examples}; add them to its requests",
)
LINE_NEVER_SILENT = Code("line_never_silent", "{target}: the line is never silent; check for another master on the bus")

# A serial port that cannot be used

PORT_MISSING = Code("port_missing", "{port} does not exist: check the adapter and the name of the port")
PORT_IN_USE = Code("port_in_use", "{port} is in use by another program; check whether `magwatt run` is active")
PORT_FORBIDDEN = Code(
    "port_forbidden", "{port} cannot be opened by this user: add the user to the group dialout and log in again"
)
PORT_UNSUITABLE = Code("port_unsuitable", "{port} is not a serial port, or does not support these line settings")
PORT_NOT_OPENED = Code("port_not_opened", "{port} cannot be opened ({error})")
PORT_DISCONNECTED = Code("port_disconnected", "{port} was disconnected")
PORT_LOST = Code("port_lost", "{port} was disconnected ({error})")
PORT_CLOSED = Code("port_closed", "{port} is closed")

# A TCP connection that cannot be used

CONNECTION_TIMEOUT = Code("connection_timeout", "{peer}: no connection within {timeout_s:g} s")
HOST_UNKNOWN = Code("host_unknown", "{peer}: unknown host")
CONNECTION_REFUSED = Code("connection_refused", "{peer}: connection refused: no server listens on this port")
HOST_UNREACHABLE = Code("host_unreachable", "{peer}: host unreachable: check the address and the network")
CONNECTION_FAILED = Code("connection_failed", "{peer}: connection failed ({error})")
CONNECTION_ABORTED = Code("connection_aborted", "{peer}: connection lost ({error})")
CONNECTION_CLOSED = Code("connection_closed", "{peer}: connection closed by the peer")
CONNECTION_CLOSED_EARLY = Code(
    "connection_closed_early",
    "{peer}: connection closed by the peer before its first response; it may accept only one client",
)
NOT_CONNECTED = Code("not_connected", "{peer}: connection lost")

# Invalid identification of a device

SERVER_ID_LENGTH = Code(
    "server_id_length", "server ID: the byte count does not match the {n_bytes:d} bytes that were received"
)
IDENTITY_HEADER = Code("identity_header", "device identification: the response is too short, or has a wrong MEI type")
IDENTITY_MORE_FOLLOWS = Code(
    "identity_more_follows", "device identification: invalid value 0x{value:02X} of 'more follows'"
)
IDENTITY_OBJECT_TRUNCATED = Code("identity_object_truncated", "device identification: an object is truncated")
IDENTITY_OBJECT_ORDER = Code(
    "identity_object_order",
    "device identification: object {object_id:d} follows object {last_id:d}, but object numbers must increase",
)
IDENTITY_EXTRA_BYTES = Code("identity_extra_bytes", "device identification: extra bytes after the last object")
IDENTITY_NEXT_OBJECT = Code(
    "identity_next_object",
    "device identification: the announced next object {object_id:d} does not follow object {last_id:d}",
)

# SunSpec

SUNSPEC_NO_MARKER = Code("sunspec_no_marker", "unit {unit_id:d}: no SunSpec marker at address {addresses}")
SUNSPEC_NO_MODEL = Code(
    "sunspec_no_model", "unit {unit_id:d}: SunSpec model {model:d} not found; models of the device: {models}"
)
SUNSPEC_CHAIN_EMPTY = Code(
    "sunspec_chain_empty", "unit {unit_id:d}: SunSpec model {model:d} not found; the device lists no models"
)
SUNSPEC_ADDRESS_RANGE = Code(
    "sunspec_address_range", "unit {unit_id:d}: address {address:d} in SunSpec model {model:d} is not in 0…65535"
)

# A file that is no readable recording

RECORDING_NOT_REGULAR = Code("recording_not_regular", "{path}: is not a regular file")
RECORDING_TYPE_UNKNOWN = Code(
    "recording_type_unknown",
    "{path}: unknown file type {suffix:quoted}; use .npz, .csv or COMTRADE (.cfg with .dat, or .cff)",
)
RECORDING_TOO_LARGE = Code(
    "recording_too_large",
    "{path}: {size_mb:.0f} MB of samples; at most {size_max_mb:.0f} MB are read. Split the recording, or omit channels",
)
RECORDING_WITHOUT_SAMPLES = Code("recording_without_samples", "{path}: no samples")
SAMPLING_RATE_IMPLAUSIBLE = Code(
    "sampling_rate_implausible",
    "{path}: implausible sampling rate of {rate_hz:g} Hz; the maximum is {rate_max_hz:g} Hz",
)
SAMPLE_TIME_MISSING = Code("sample_time_missing", "{path}: the time is missing in line {line:d} of the samples")
SAMPLE_TIME_CONSTANT = Code("sample_time_constant", "{path}: the time column does not increase")
SAMPLES_UNEVEN = Code(
    "samples_uneven",
    "{path}: the samples are not evenly spaced (deviation up to {intervals:.1f} sampling intervals); resample the "
    "recording first",
)

# COMTRADE

COMTRADE_UNREADABLE = Code("comtrade_unreadable", "{path}: not a readable COMTRADE recording ({error})")
COMTRADE_PART_MISSING = Code("comtrade_part_missing", "{path}: not a readable COMTRADE recording (no {part} part)")
COMTRADE_FILE_MISSING = Code("comtrade_file_missing", "{path}: the corresponding {suffix} file is missing")
COMTRADE_SEVERAL_RATES = Code(
    "comtrade_several_rates", "{path}: recordings with several sampling rates are not supported"
)
COMTRADE_DATA_EMPTY = Code("comtrade_data_empty", "{path}: no samples; the data in {data_file} are empty")
COMTRADE_SAMPLE_LINE = Code(
    "comtrade_sample_line",
    "{path}: sample line {line:d}: expected a number, a time and {n_channels:d} values, found {text:quoted}",
)
COMTRADE_FORMAT_UNKNOWN = Code(
    "comtrade_format_unknown",
    "{path}: unknown sample format {format:quoted}; use ASCII, BINARY, BINARY32 or FLOAT32",
)
COMTRADE_SCALE = Code(
    "comtrade_scale",
    "{path}: channel {channel:quoted}: factor a and offset b must be finite numbers; correct them in the cfg",
)
COMTRADE_MOSTLY_MISSING = Code("comtrade_mostly_missing", "{path}: more than half of the samples are missing")

# CSV

CSV_LINE_INVALID = Code("csv_line_invalid", "{path}: line {line:d}: not a CSV line ({error})")
CSV_COLUMNS_MISSING = Code(
    "csv_columns_missing",
    "{path}: {n_short:d} of {n:d} lines have too few columns, for example {text:quoted} with {n_columns:d} of "
    "{n_usual:d} columns",
)
CSV_WITHOUT_NUMBERS = Code("csv_without_numbers", "{path}: no columns with numbers found")
CSV_TOO_SHORT = Code("csv_too_short", "{path}: fewer than two lines with numbers")
CSV_SINGLE_COLUMN = Code(
    "csv_single_column",
    "{path}: only one column with numbers; a time column in seconds and a channel are required",
)
CSV_TIME_MISSING = Code("csv_time_missing", "{path}: the first column must be the time in seconds")

# npz

NPZ_UNREADABLE = Code("npz_unreadable", "{path}: not a readable npz file ({error})")
NPZ_SINGLE_ARRAY = Code(
    "npz_single_array",
    "{path}: contains a single array (npy), not an npz archive; write it with numpy.savez(file, fs=…, u_abc=…)",
)
NPZ_RATE_MISSING = Code(
    "npz_rate_missing",
    "{path}: fs (the sampling rate in Hz) is missing or not a single number; arrays: {arrays}",
)
NPZ_WITHOUT_ARRAYS = Code("npz_without_arrays", "{path}: the archive has no arrays; fs and u_abc or i_abc are required")
NPZ_SHAPE = Code("npz_shape", "{path}: {array} must have the shape (3, N); its shape is {shape}")
NPZ_TYPE = Code("npz_type", "{path}: {array} must contain real numbers; its type is {type}")
NPZ_LENGTHS_DIFFER = Code("npz_lengths_differ", "{path}: u_abc and i_abc have different lengths")

# The assignment of channels

MAP_ITEM_INVALID = Code("map_item_invalid", "--map {item}: expected role=channel with one of the roles {roles}")
MAP_ROLE_TWICE = Code("map_role_twice", "--map {item}: {role} occurs twice")
MAP_CHANNEL_TWICE = Code(
    "map_channel_twice", "{path}: --map assigns the channel {channel:quoted} to both {other} and {role}"
)
CHANNEL_UNKNOWN = Code("channel_unknown", "{path}: no channel {channel:quoted}; channels: {channels}")
CHANNEL_LENGTH = Code(
    "channel_length",
    "{path}: the array {channel:quoted} has {n_samples:d} samples and the recording {n:d}; channels: {channels}",
)
CHANNELS_AMBIGUOUS = Code(
    "channels_ambiguous",
    "{path}: {one:quoted} and {other:quoted} both match {role}; select one with --map {role}={other},…; channels: "
    "{channels}",
)
CHANNELS_UNIDENTIFIED = Code(
    "channels_unidentified",
    "{path}: voltages and currents cannot be identified; assign them with --map, for example --map u1={example}; "
    "channels: {channels}",
)
MORE_NAMES = Code("more_names", "{n:d} more")

# Notes about a recording

COMTRADE_TRUNCATED = Code(
    "comtrade_truncated",
    "{file}: {data_file} contains {n:d} of the {n_stated:d} samples stated in the cfg; the recording is truncated "
    "after {length_s:.4g} s",
)
COMTRADE_EXTRA_SAMPLES = Code(
    "comtrade_extra_samples",
    "{file}: {data_file} contains {n:d} samples, the cfg states {n_stated:d}; the extra samples are ignored",
)
COMTRADE_SAMPLES_MISSING = Code(
    "comtrade_samples_missing",
    "{file}: {n:d} {n:sample is|samples are} missing within the recording",
)
COMTRADE_SECONDARY = Code("comtrade_secondary", "{file}: secondary values, not converted to primary values: {channels}")
CHANNEL_RATIO = Code("channel_ratio", "{channel} ({primary:g}:{secondary:g})")
COMTRADE_SKEW = Code(
    "comtrade_skew", "{file}: sampling times of the channels differ by up to {skew_us:g} us; not corrected"
)
NPZ_ARRAYS_IGNORED = Code("npz_arrays_ignored", "{file}: ignored arrays whose length is not {n:d} samples: {arrays}")
NPZ_DC_IGNORED = Code(
    "npz_dc_ignored",
    "{file}: u_dc is not used: it must be numbers of the shape (M,), with its sampling rate in Hz as u_dc_fs",
)
ARRAY_LENGTH = Code("array_length", "{array} ({n:d})")

NAMES_SHOWN, NAME_CHARACTERS = 12, 40


def shortened(names: Sequence[str | Reason], most: int = NAMES_SHOWN) -> tuple[str | Reason, ...]:
    """At most `most` names as data of a reason, each of at most 40 characters, then the number of the others."""
    short = tuple(
        name if isinstance(name, Reason) or len(name) <= NAME_CHARACTERS else f"{name[: NAME_CHARACTERS - 1]}…"
        for name in names[:most]
    )
    return (*short, MORE_NAMES(n=len(names) - most)) if len(names) > most else short
