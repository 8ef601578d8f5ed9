"""The allowed tables and keys of the configuration, and the check of each value. Explained in docs/configuration.md."""

from __future__ import annotations

import re
import urllib.parse
import zoneinfo
from pathlib import Path
from typing import Any

from agent.config import reasons as codes
from agent.config import schema
from agent.config.schema import KeySpec
from drivers.errors import ProfileError
from drivers.profiles import load_profile, profile_ids
from drivers.reasons import InvalidValue, Reason, cause_of
from drivers.recordings.reasons import FILE_UNREADABLE
from dsp.efficiency_meter import CERTIFICATE, CT_CLASSES, ct_limits

METER_CLASSES = ("0.1", "0.2", "0.2S", "0.5", "0.5S", "1", "2", "A", "B", "C")
WIRINGS = ("3P4W", "3P3W", "1P2W")
COMM_LOSS = ("not used", "other port", "warning only", "armed")  # a drive with "armed" is not polled
ALLOCATION_RULES = ("drive-power", "rated-power")


def broker_url(value: Any) -> tuple[bool, str, int]:
    parts = urllib.parse.urlsplit(value) if isinstance(value, str) else None
    try:
        if parts is None or parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError
        port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
    except ValueError:
        raise InvalidValue(codes.BROKER_URL_EXPECTED) from None
    if parts.password or parts.username:
        raise InvalidValue(codes.URL_WITH_CREDENTIALS)
    return parts.scheme == "mqtts", parts.hostname, port


def _line(value: Any) -> tuple[int, int, str, int]:
    found = re.fullmatch(r"(\d{3,7})\s+([78])([NEO])([12])", value) if isinstance(value, str) else None
    if not found:
        raise InvalidValue(codes.LINE_SETTINGS_EXPECTED)
    return int(found[1]), int(found[2]), found[3], int(found[4])


def _zone(value: Any) -> str:
    try:
        zoneinfo.ZoneInfo(schema.text(value))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, or a very long one
        known = zoneinfo.available_timezones()
        if not known:  # a system without time zone data: nothing to compare with
            return str(value)
        if near := schema.nearest(value, known) if isinstance(value, str) else None:
            raise InvalidValue(codes.TIME_ZONE_MISSPELLED, near=near) from None
        raise InvalidValue(codes.TIME_ZONE_UNKNOWN) from None
    return str(value)


def _profile(value: Any) -> str:
    name = schema.text(value)
    try:
        if name not in profile_ids():
            if near := schema.nearest(name, profile_ids()):
                raise InvalidValue(codes.CONFIG_PROFILE_MISSPELLED, near=near)
            raise InvalidValue(codes.CONFIG_PROFILE_UNKNOWN)
        load_profile(name)
    except ProfileError as error:
        raise InvalidValue(error.problems[0]) from None
    return name


def _at_meter(value: Any) -> str:
    if value in ("drive-output", "motor-terminals"):
        raise InvalidValue(codes.METER_AT_DRIVE_OUTPUT)
    return schema.one_of("drive-input", "motor", "feeder")(value)


def _ct_class(value: Any) -> str:
    text = schema.text(value)
    try:
        ratio, minutes = ct_limits(text)
    except ValueError:
        if CERTIFICATE.fullmatch(text.strip()):
            raise InvalidValue(codes.CT_LIMITS_RANGE) from None
        if near := schema.nearest(text, CT_CLASSES):
            raise InvalidValue(codes.CT_CLASS_MISSPELLED, allowed=tuple(CT_CLASSES), near=near) from None
        raise InvalidValue(codes.CT_CLASS_EXPECTED, allowed=tuple(CT_CLASSES)) from None
    return text if text in CT_CLASSES else f"{100 * ratio:g} % {minutes:g}'"


def _number_or_row(value: Any) -> str | float:
    return schema.text(value) if isinstance(value, str) else schema.number(0, 5, "kg/kWh")(value)


def _watts(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != 7:
        raise InvalidValue(codes.SEVEN_LOSSES_EXPECTED)
    return tuple(schema.number(0, 1e6, "W")(item) for item in value)


def _eight_watts(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != 8:
        raise InvalidValue(codes.EIGHT_LOSSES_EXPECTED)
    return tuple(schema.number(0.01, 1e6, "W")(item) for item in value)


def _sinks(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidValue(codes.LIST_EXPECTED, example='["homeassistant"]')
    return tuple(schema.one_of("homeassistant", "sparkplug", "prometheus")(item) for item in value)


def _losses_kind(value: Any) -> str:
    return schema.one_of("seven-point")(value)


TOPIC_BYTES_MAX = 65535  # MQTT 5.0, 1.5.4


def _topic(value: Any) -> str:
    topic = schema.text(value)
    if "+" in topic or "#" in topic:
        raise InvalidValue(codes.TOPIC_WILDCARD)
    if topic.startswith("$share/"):
        raise InvalidValue(codes.SHARED_SUBSCRIPTION)
    if len(topic.encode()) > TOPIC_BYTES_MAX:
        raise InvalidValue(codes.TOPIC_TOO_LONG, bytes_max=TOPIC_BYTES_MAX)
    return topic


TOP = ("site", "store", "mqtt", "homeassistant", "sparkplug", "prometheus", "file", "bus", "meter", "drive", "motor",
       "signal", "tariff", "ledger")  # fmt: skip
SITE = {
    "id": KeySpec(schema.identifier),
    "gateway": KeySpec(schema.identifier),
    "timezone": KeySpec(_zone, "UTC"),
    "currency": KeySpec(schema.text, None),
    "energy_price": KeySpec(schema.number(0, 1e6), None),
    "grid_factor": KeySpec(_number_or_row, None),
    "topic_prefix": KeySpec(schema.topic_prefix, None),
    "simulated": KeySpec(schema.flag, False),
    "profiles": KeySpec(schema.text, None),
    "assume_clock_synchronized": KeySpec(schema.flag, False),
}
STORE = {
    "state_dir": KeySpec(schema.text, None),
    "commit_interval": KeySpec(schema.duration(0.01, 10), 0.1),
    "quota": KeySpec(schema.size(10_000_000, 10_000_000_000_000), 4_000_000_000),
    "min_free_space": KeySpec(schema.percent(0, 90), 5.0),
    "spool_retention": KeySpec(schema.duration(3600, 3650 * 86400), 90 * 86400.0),
    "history_1s": KeySpec(schema.duration(0, 366 * 86400), 6 * 3600.0),
    "history_1min": KeySpec(schema.duration(3600, 3660 * 86400), 40 * 86400.0),
    "history_15min": KeySpec(schema.duration(86400, 36600 * 86400), 5 * 366 * 86400.0),
}
LEDGER = {"checkpoint_file": KeySpec(schema.text, None)}
MQTT = {
    "url": KeySpec(broker_url),
    "user": KeySpec(schema.text, None),
    "password_file": KeySpec(schema.text, None),
    "ca": KeySpec(schema.text, None),
    "cert": KeySpec(schema.text, None),
    "key": KeySpec(schema.text, None),
    "backfill_rate": KeySpec(schema.number(1, 100_000, "rows/s"), None),
    "version": KeySpec(schema.one_of("auto", "5", "3.1.1"), "auto"),
    "keepalive": KeySpec(schema.duration(5, 3600), 30.0),
    "outputs": KeySpec(_sinks, ()),
}
BUS = {
    "serial": KeySpec(schema.text, None),
    "line": KeySpec(_line, None),
    "tcp": KeySpec(schema.host_port(502), None),
    "framing": KeySpec(schema.one_of("tcp", "rtu"), None),
    "poll_interval": KeySpec(schema.duration(0.1, 3600), 1.0),
    "listen_before_start": KeySpec(schema.duration(0, 60), 2.0),
    "timeout": KeySpec(schema.duration(0.02, 10), None),
    "inter_request_delay": KeySpec(schema.duration(0, 5), None),
    "rs485": KeySpec(schema.flag, False),
}
METER = {
    "bus": KeySpec(schema.identifier),
    "unit_id": KeySpec(schema.whole(1, 255)),
    "profile": KeySpec(_profile),
    "measuring_point": KeySpec(_at_meter),
    "wiring": KeySpec(schema.one_of(*WIRINGS), "3P4W"),
    "ct": KeySpec(schema.ratio, None),
    "vt": KeySpec(schema.ratio, None),
    "ratio_applied_by": KeySpec(schema.one_of("meter", "agent"), "meter"),
    "class": KeySpec(schema.one_of(*METER_CLASSES)),
    "ct_class": KeySpec(_ct_class, None),
    "serial_number": KeySpec(schema.text, None),
    "certificate": KeySpec(schema.text, None),
    "fed_by": KeySpec(schema.identifier, None),
    "allocation": KeySpec(schema.one_of(*ALLOCATION_RULES), "drive-power"),
    "power_factor_compensation": KeySpec(schema.flag, False),
}
DRIVE = {
    "bus": KeySpec(schema.identifier),
    "unit_id": KeySpec(schema.whole(1, 255)),
    "profile": KeySpec(_profile),
    "fed_by": KeySpec(schema.identifier, None),
    "comm_loss": KeySpec(schema.one_of(*COMM_LOSS), None),
    "kw": KeySpec(schema.number(0.05, 50000, "kW"), None),
    "class": KeySpec(schema.one_of("IE0", "IE1", "IE2"), None),
    "losses": KeySpec(schema.anything, None),
}
MOTOR = {
    "name": KeySpec(schema.text, None),
    "kind": KeySpec(schema.one_of("pm", "pm-line-start", "induction")),
    "kw": KeySpec(schema.number(0.05, 50000, "kW")),
    "rpm": KeySpec(schema.number(10, 60000, "rpm")),
    "poles": KeySpec(schema.whole(2, 200, 2)),
    "volts": KeySpec(schema.number(12, 20000, "V")),
    "fed_by": KeySpec(schema.identifier),
    "amps": KeySpec(schema.number(0.1, 20000, "A"), None),
    "class": KeySpec(schema.one_of("IE1", "IE2", "IE3", "IE4", "IE5"), None),
    "efficiency": KeySpec(schema.number(30, 99.9, "%"), None),
    "r1_ohm": KeySpec(schema.number(1e-5, 1000, "ohm"), None),
    "no_load_w": KeySpec(schema.number(0.1, 1e6, "W"), None),
    "emf_v": KeySpec(schema.number(1, 20000, "V"), None),
    "xq_ohm": KeySpec(schema.number(1e-4, 1000, "ohm"), None),
    "losses": KeySpec(schema.anything, None),
    "replaced_motor": KeySpec(schema.anything, None),
    "periods": KeySpec(schema.anything, None),
    "auxiliary_w": KeySpec(schema.number(0, 1e6, "W"), 0.0),
    "waveform": KeySpec(schema.anything, None),
}
LOSSES = {"points": KeySpec(_losses_kind), "watts": KeySpec(_watts)}
DRIVE_LOSSES = {"points": KeySpec(schema.one_of("eight-point")), "watts": KeySpec(_eight_watts)}
REPLACED_MOTOR = {
    "kind": KeySpec(schema.one_of("pm", "pm-line-start", "induction")),
    "kw": KeySpec(schema.number(0.05, 50000, "kW")),
    "class": KeySpec(schema.one_of("IE1", "IE2", "IE3", "IE4", "IE5"), None),
    "rpm": KeySpec(schema.number(10, 60000, "rpm"), None),
    "since": KeySpec(schema.day, None),
}
PERIODS = {name: KeySpec(schema.day, None) for name in ("baseline", "commissioning", "reporting", "end")}
WAVEFORM = {
    "serial": KeySpec(schema.text, None),
    "tcp": KeySpec(schema.host_port(7000), None),
    "baud": KeySpec(schema.whole(9600, 12_000_000), 921600),
    "measuring_point": KeySpec(schema.one_of("drive-input", "motor", "drive-output")),
    "supply": KeySpec(schema.number(50, 40_000, "V"), None),
}
SIGNAL = {
    "unit_of_measure": KeySpec(schema.text),
    "motor": KeySpec(schema.identifier),
    "scale": KeySpec(schema.number(-1e9, 1e9), 1.0),
    "offset": KeySpec(schema.number(-1e9, 1e9), 0.0),
    "low": KeySpec(schema.number(-1e12, 1e12), float("-inf")),
    "high": KeySpec(schema.number(-1e12, 1e12), float("inf")),
    "measures": KeySpec(schema.one_of("shaft-torque", "shaft-speed", "winding-temperature"), None),
    "accuracy": KeySpec(schema.percent(0, 50), None),
}
SIGNAL_REGISTER = {
    "bus": KeySpec(schema.identifier),
    "unit_id": KeySpec(schema.whole(1, 255)),
    "address": KeySpec(schema.whole(0, 65535)),
    "type": KeySpec(schema.one_of("u16", "i16", "u32", "i32", "f32", "u64", "i64", "f64")),
    "word_order": KeySpec(schema.one_of("big", "little"), "big"),
    "function": KeySpec(schema.whole(3, 4), 3),
}
SIGNAL_TOPIC = {
    "topic": KeySpec(_topic, missing=codes.TOPIC_MISSING()),
    "value": KeySpec(schema.text, None),
    "time": KeySpec(schema.text, None),
    "expected_interval": KeySpec(schema.duration(0.1, 86400), 60.0),
    "broker": KeySpec(broker_url, None),
    "user": KeySpec(schema.text, None),
    "password_file": KeySpec(schema.text, None),
    "ca": KeySpec(schema.text, None),
}


def open_to_others(file: Path) -> Reason | None:
    """The problem if the group or all users can read a file with a secret, or its mode is unreadable; else None."""
    try:
        mode = file.stat().st_mode & 0o777
    except OSError as error:
        return FILE_UNREADABLE(path=str(file), error=cause_of(error))
    return codes.FILE_MODE_OPEN(mode=mode, path=str(file)) if mode & 0o044 else None
