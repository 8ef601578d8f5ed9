"""Codes of `magwatt doctor`: what was found at buses, clock, disk, broker and signals, each with the action to take."""

from __future__ import annotations

from agent.config.alarm_table_gateway import DISK_MB
from drivers.reasons import Code

FREE_MIN_MB = DISK_MB[0]  # of the disk with the state directory

# The computer

CLOCK_NOT_USED = Code("clock_not_used", "the agent does not use the time of this clock: {cause}")
CLOCK_STATE_UNKNOWN = Code("clock_state_unknown", "this system does not report whether its clock is synchronized")
CLOCK_SYNCHRONIZED = Code("clock_synchronized", "synchronized")
CLOCK_UNSYNCHRONIZED = Code(
    "clock_unsynchronized",
    "not synchronized: rows have the flag CLOCK_UNSYNCHRONIZED. Install chrony or systemd-timesyncd and configure the "
    "time server of the plant",
)
STATE_DIR_UNWRITABLE = Code(
    "state_dir_unwritable", "{path} cannot be written ({error}): a restart would lose all data; correct the permissions"
)
DISK_ALMOST_FULL = Code(
    "disk_almost_full", "{free_mb:.0f} MB free in {path}, less than {minimum_mb:d} MB: free some space"
)
DISK_SPACE = Code("disk_space", "{path}: {free_gb:.1f} GB free")
COMMITS_ON_SD_CARD = Code(
    "commits_on_sd_card", 'the directory is on an SD card: `durability = "sd_card"` in [store] reduces its wear'
)
KERNELS_COMPILED = Code("kernels_compiled", "compiled and cached")
LINEAR_ALGEBRA_RIGHT = Code("linear_algebra_right", "products, QR and inverse are right ({blas})")
KERNELS_NOT_COMPILED = Code(
    "kernels_not_compiled",
    "not compiled yet: run `magwatt compile`, which takes about a minute; until then waveforms are not analysed",
)

# The installation

INSTALLATION_COMPLETE = Code("installation_complete", "complete ({kind:word})")
LIBRARIES_MISSING = Code("libraries_missing", "without the optional {features:word}. Add with: {command}")
LIBRARIES_NOT_IN_PACKAGE = Code(
    "libraries_not_in_package",
    "without the optional {features:word}: the package does not contain {libraries}. An installation from source does "
    "(docs/how-to/install-from-source.md)",
)
CATALOGUES_MISSING = Code(
    "catalogues_missing",
    "message catalogues are missing ({languages}): texts are in plain English. Install again, or in a checkout "
    "`make catalogues`",
)
UDEV_RULE_MISSING = Code(
    "udev_rule_missing",
    "no udev rule of magwatt: some USB adapters delay each response by 16 ms, and two equal ones have no names. Copy "
    "deploy/99-magwatt.rules to /etc/udev/rules.d",
)
UNIT_MISSING = Code(
    "unit_missing",
    "no unit {unit}: the agent does not start with this computer. docs/how-to/install-from-source.md describes the "
    "service",
)
SERVICE_ACCOUNT_MISSING = Code(
    "service_account_missing",
    "no account {account}, under which the service runs: copy deploy/magwatt.sysusers.conf to "
    "/usr/lib/sysusers.d/magwatt.conf and type `sudo systemd-sysusers`",
)
ACCOUNT_NOT_IN_GROUP = Code(
    "account_not_in_group",
    "the account {account} is not in the group {group}: commands under it cannot open serial ports. Type "
    "`sudo usermod -aG {group} {account}`",
)

# The MQTT broker

NO_BROKER_CONFIGURED = Code("no_broker_configured", "no [mqtt] table: results are not published")
BROKER_ACCEPTS = Code("broker_accepts", "{host}:{port:d} accepts the connection, {took_ms:.0f} ms")

# Signals from topics

SIGNAL_LIVE = Code("signal_live", "{topic}: {value:g}")
SIGNAL_UNREACHABLE = Code("signal_unreachable", "no message can arrive on {topic}: {cause}")
SIGNAL_STALE = Code("signal_stale", "{cause}: check the publisher and its clock")
SIGNAL_PENDING = Code(
    "signal_pending",
    "no live message on {topic} within {waited_s:g} s; one is expected every {interval_s:g} s. `magwatt read` waits "
    "longer",
)
SIGNAL_RETAINED_PENDING = Code(
    "signal_retained_pending",
    "only a retained message on {topic} within {waited_s:g} s; a live one is expected every {interval_s:g} s. `magwatt "
    "read` waits longer",
)
SIGNAL_MISSING = Code(
    "signal_missing",
    "no message on {topic} within {waited_s:g} s; one is expected every {interval_s:g} s. Check the spelling of the "
    "topic, and that its publisher is running. After {stale_s:g} s without a message the value is missing",
)
SIGNAL_RETAINED_ONLY = Code(
    "signal_retained_only",
    "only a retained message on {topic} within {waited_s:g} s; a live one is expected every {interval_s:g} s. Check "
    "that its publisher is running. After {stale_s:g} s without a message the value is missing",
)

# A bus

SERIAL_PORT_UNAVAILABLE = Code("serial_port_unavailable", "{error}. Serial adapters in /dev/serial/by-id: {adapters}")
SERIAL_PORT_MISSING = Code("serial_port_missing", "{error}. There is no serial adapter in /dev/serial/by-id")
TCP_BUS_UNAVAILABLE = Code(
    "tcp_bus_unavailable",
    "{error}. Check the address, and that no other client is connected: many gateways accept one connection only",
)
BUS_IN_USE = Code(
    "bus_in_use",
    '{error}. Two masters on one bus disturb each other. Write mode = "listen" in the table of the bus to use the '
    "values that the other master reads; nothing is sent then",
)
LINE_SILENT = Code(
    "line_silent",
    "nothing received in {seconds:.0f} s of listening: the other master does not poll, or A and B of its line are not "
    "connected to this port",
)
LISTENED_SETTINGS = Code(
    "listened_settings",
    "{n_bytes:d} bytes received, but no valid frame: baud rate or parity is wrong (configured: {line}). "
    "`magwatt scan --listen-only` finds the settings of the other master",
)
DEVICE_HEARD = Code(
    "device_heard",
    "{device} (unit {unit_id:d}): {n:d} {n:response|responses} received; the other master reads {blocks:d} "
    "{blocks:block|blocks}, the slowest every {period_s:.2g} s",
)
DEVICE_NOT_HEARD = Code("device_not_heard", "{device}: {cause}")
LISTENED_SLOWER = Code(
    "listened_slower",
    "{device}: the other master reads some registers every {period_s:.2g} s only; write poll_interval = "
    '"{interval_s:.0f}s" or more in [bus.{bus}], or values become stale between its requests',
)
LISTENED_NOT_DECODED = Code(
    "listened_not_decoded",
    "{share:pct1} % of the responses were not used ({n:d} of {total:d}): {unpaired:d} without a request before them, "
    "{ambiguous:d} that may belong to another request. Check the termination and the polarity of the tap",
)
OTHER_UNITS_HEARD = Code(
    "other_units_heard", "the other master also reads units {unit_ids}, which are not in the configuration"
)
MASTER_WRITES = Code(
    "master_writes", "the other master writes to unit {unit_id:d} with function {function:d} ({n:d}); this is ignored"
)
BUS_WRONG_SETTINGS = Code(
    "bus_wrong_settings",
    "bytes were received, but no valid frame: baud rate or parity is wrong (configured: {line}). `magwatt scan` finds "
    "the settings",
)
BUS_WITHOUT_RESPONSE = Code(
    "bus_without_response",
    "no device responds, and not a single byte was received (configured: {line}). Swap conductors A and B first; then "
    "check power supply, unit identifiers and baud rate, and run `magwatt scan`",
)
DEVICE_WITHOUT_FRAME = Code(
    "device_without_frame",
    "{device} (unit {unit_id:d}): bytes were received, but no valid frame: two devices have this unit identifier, or "
    "its baud rate or parity is wrong. Switch the devices off one at a time",
)
DEVICE_WITHOUT_RESPONSE = Code(
    "device_without_response",
    "{device} (unit {unit_id:d}): no response, but other devices respond. Check its power supply, its unit "
    "identifier, and that Modbus is enabled at this port of the device; `magwatt scan` lists the devices that respond",
)
CONNECTION_WITHOUT_RESPONSE = Code(
    "connection_without_response",
    "{device} (unit {unit_id:d}): no response, but the connection is open. Check its power supply, its unit "
    "identifier, and that Modbus is enabled at this port of the device; `magwatt scan` lists the devices that respond",
)
PARITY_ERRORS = Code(
    "parity_errors",
    "{share:pct1} % of the responses are corrupt ({n:d} of {total:d}), and the UART counts {errors:d} parity errors: "
    "check the parity setting of each device",
)
RESPONSES_CORRUPT = Code(
    "responses_corrupt",
    "{share:pct1} % of the responses are corrupt ({n:d} of {total:d}): check the termination (120 Ω at both ends, none "
    "elsewhere), the shield (grounded at one end), the common conductor, and the distance to power cables",
)
FEW_RESPONSES_CORRUPT = Code(
    "few_responses_corrupt",
    "{n:d} of {total:d} {total:response|responses} corrupt; the requests were repeated, no value is missing",
)
STRAY_BYTES = Code(
    "stray_bytes",
    "{n_bytes:d} stray {n_bytes:byte|bytes} in {total:d} {total:response|responses}: the line has no defined level "
    "between frames. Install a bias (pull-up and pull-down, about 560 Ω, at one place) and terminators at both ends",
)
ADAPTER_ECHO = Code(
    "adapter_echo",
    "the adapter returned an echo of {n:d} {n:request|requests}; the echo is ignored, no action is needed",
)
RESPONSES_LATE = Code(
    "responses_late",
    "{n:d} {n:response|responses} arrived after the timeout and {n:was|were} discarded: increase bus.{bus}.timeout, or "
    "check for a converter that queues the requests of several masters",
)
ADAPTER_LATENCY = Code(
    "adapter_latency",
    "the USB adapter delays each response by up to {timer_ms:d} ms: set its latency_timer to 1 (udev rule in "
    "docs/how-to/doctor.md)",
)
PORT_NAME_UNSTABLE = Code(
    "port_name_unstable",
    "the name {port} can change when the adapter is plugged in again; {stable_name} does not change",
)
GATEWAY_WITHOUT_RESPONSE = Code(
    "gateway_without_response",
    "{device} (unit {unit_id:d}): the gateway gets no response from it ({n:d} of {total:d} requests). Check its power "
    "supply, and the unit identifier and the line settings in the gateway",
)
PLC_REJECTS = Code(
    "plc_rejects", "{device}: the PLC rejects {n:d} of {total:d} {total:request|requests}; the first: {first}"
)
REGISTERS_ILLEGAL = Code(
    "registers_illegal",
    "{device} (unit {unit_id:d}): rejects {n:d} of {total:d} {total:request|requests} (illegal address): probably not "
    "the model of its profile. `magwatt identify` finds the model; the agent omits single registers that are rejected",
)
FUNCTION_UNSUPPORTED = Code(
    "function_unsupported",
    "{device} (unit {unit_id:d}): does not support the function code of its profile: probably not the model of its "
    "profile. `magwatt identify` finds the model",
)
DEVICE_BUSY = Code(
    "device_busy", "{device} (unit {unit_id:d}): reported busy {n:d} {n:time|times}; increase the poll interval"
)
RESPONSES_MISSING = Code(
    "responses_missing",
    "{device} (unit {unit_id:d}): no response to {n:d} of {total:d} {total:request|requests}. Check for a loose "
    "terminal, a timeout that is too short ({timeout_s:g} s), and a device that needs a delay "
    "(bus.{bus}.inter_request_delay)",
)
RESPONSE_SLOW = Code(
    "response_slow",
    "{device} (unit {unit_id:d}): the longest response time was {longest_s:.2f} s, the timeout is {timeout_s:g} s: "
    "increase bus.{bus}.timeout",
)
RESPONSE_TIMES = Code(
    "response_times",
    "{device} (unit {unit_id:d}): responses to {n:d} of {total:d} {total:request|requests}, median {median_ms:.0f} ms, "
    "longest {longest_ms:.0f} ms",
)
METER_CLOCK = Code("meter_clock", "{device}: the clock of the meter is off by {offset_s:+.0f} s (± {u_s:.0f} s)")
METER_CLOCK_WRONG = Code(
    "meter_clock_wrong",
    "{device}: the clock of the meter is off by {offset_s:+.0f} s (± {u_s:.0f} s) from the local time of the plant "
    "({timezone}). Its energies of tariffs and settlement days (0001 0001 …) belong to other times than those of the "
    "bill. Whole hours: check `timezone` in [site]. Otherwise have the owner of the meter set it; magwatt never does",
)
METER_CLOCK_INVALID = Code(
    "meter_clock_invalid",
    "{device}: the clock of the meter shows no valid date and time; its battery may be empty. Its energies of tariffs "
    "and settlement days (0001 0001 …) cannot be trusted",
)
UART_COUNTERS = Code(
    "uart_counters",
    "UART: {framing:d} framing, {parity:d} parity and {overrun:d} overrun errors, {breaks:d} {breaks:break|breaks}",
)
