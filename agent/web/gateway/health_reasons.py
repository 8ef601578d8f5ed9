"""Codes of the health view: what is wrong with the gateway itself, and what to do. The others are those of `doctor`."""

from __future__ import annotations

from drivers.reasons import Code

CONTACT_MISSING = Code(
    "health_contact_missing",
    "The page has no contact with the broker or the agent; the figures below are the last ones. Check the broker, and "
    "`systemctl status magwatt`.",
)
AGENT_OFFLINE = Code(
    "health_agent_offline", "The agent is not connected to the broker. On the gateway: `systemctl status magwatt`."
)
NO_MESSAGE = Code(
    "health_no_message", "No figures received yet; the agent sends them once a minute, and they are not retained."
)
MESSAGE_OLD = Code(
    "health_message_old",
    "The last figures are {age_s:.0f} s old; they arrive once a minute. On the gateway: `systemctl status magwatt`.",
)
DEVICES_OFFLINE = Code(
    "health_devices_offline",
    "No reply from {n:d} {n:device|devices} on bus {bus}. Check power supply and cable; `magwatt doctor` examines the "
    "bus while the agent is stopped.",
)
POLLS_FAIL = Code(
    "health_polls_fail",
    "{share:pct1} % of the polls on bus {bus} failed since the start of the agent. `magwatt doctor` finds the device "
    "and the cause.",
)
BUS_BUSY = Code(
    "health_bus_busy",
    "Bus {bus} is busy {utilization_pct:.0f} % of the time: no margin for retries. Increase bus.{bus}.poll_interval; "
    "`magwatt plan` shows the requests.",
)
STATE_FILE_UNWRITABLE = Code(
    "health_state_file_unwritable",
    "{n:d} {n:row is|rows are} in memory only, because the state file cannot be written: a restart would lose "
    "them. Check the disk and its permissions.",
)
SPOOL_FILLS = Code(
    "health_spool_fills",
    "The state file reaches its quota in {hours:.0f} h; then the least important rows are dropped. Check the broker.",
)
SPOOL_FULL = Code(
    "health_spool_full",
    "The state file is full: the least important rows are dropped. Check the broker, or increase store.quota.",
)
ROWS_DROPPED = Code(
    "health_rows_dropped",
    "{n:d} {n:row was|rows were} dropped since the state file was created; events of the kind data_gap name each "
    "time span.",
)
BACKLOG = Code("health_backlog", "{n:d} {n:row waits|rows wait} for the broker, until it confirms; check the broker.")
READINGS_DROPPED = Code(
    "health_readings_dropped",
    "{n:d} {n:reading was|readings were} dropped since the start: the computation is too slow. Poll less often, or use "
    "a faster computer.",
)
PROCESSING_ERRORS = Code(
    "health_processing_errors",
    "{n:d} internal {n:error|errors} since the start of the agent. Please report the text in its log: `journalctl -u "
    "magwatt`.",
)
CALIBRATION = Code("health_calibration", "{key}: {cause}")
CERTIFICATE_EXPIRES = Code(
    "health_certificate_expires", "A certificate of the broker connection expires in {n:d} {n:day|days}: renew it."
)
CERTIFICATE_EXPIRED = Code(
    "health_certificate_expired", "A certificate of the broker connection has expired: renew it."
)
CONFIG_NOT_USED = Code(
    "health_config_not_used",
    "The configuration file was changed, and the agent does not use the change. `magwatt check` names its errors.",
)
REGISTERS_UNCONFIRMED = Code(
    "health_registers_unconfirmed",
    "{n:d} {n:register is|registers are} not read until confirmed by `magwatt commission`.",
)
TOPICS_SILENT = Code(
    "health_topics_silent",
    "{n:d} {n:signal|signals} from MQTT topics have no value in time. Check the publisher; `magwatt read` shows what "
    "arrives.",
)
RETAINED_DROPPED = Code(
    "health_retained_dropped",
    "{n:d} retained {n:message was|messages were} rejected by the broker or too large for it. Check its limits.",
)
WAVEFORM_LOST = Code(
    "health_waveform_lost",
    "{n:d} {n:sample is|samples are} missing in waveform streams since the start. Check cable and load of the "
    "computer.",
)
WAVEFORMS_WAIT = Code(
    "health_waveforms_wait",
    "{n:d} {n:waveform stream is|waveform streams are} not analysed: the kernels are not compiled. It takes about a "
    "minute after an upgrade; if it lasts, run `magwatt compile` and read the log.",
)
NO_FINDING = Code("health_no_finding", "No finding. {n:d} figures of the agent were examined.")
RESPONSE_TIMES_UNKNOWN = Code(
    "health_response_times_unknown",
    "The agent does not publish response times; `magwatt doctor` measures them while it is stopped.",
)
