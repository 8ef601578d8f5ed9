"""The allowed tables and keys of the configuration, and the check of each value. Explained in
docs/reference/configuration.md.
"""

from __future__ import annotations

import urllib.parse
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.config import reasons as codes
from agent.config import schema
from agent.config.accuracy_classes import ct_class, meter_class, vt_class
from agent.config.schema import ConfigReport, KeySpec
from drivers.bus_settings import QUIET_S
from drivers.dlt645_frames import ADDRESS_DIGITS
from drivers.errors import ProfileError
from drivers.file_reasons import FILE_UNREADABLE, with_suggestion
from drivers.profiles import load_profile, profile_ids
from drivers.reasons import Code, InvalidValue, Reason, cause_of
from drivers.s7_place import unit_of_text

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
    found = schema.matched(value, r"(\d{3,7})\s+([78])([NEO])([12])", codes.LINE_SETTINGS_EXPECTED())
    return int(found[1]), int(found[2]), found[3], int(found[4])


def _zone(value: Any) -> str:
    try:
        zoneinfo.ZoneInfo(schema.text(value))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, or a very long one
        if names := zoneinfo.available_timezones():  # a system without time zone data accepts every name
            raise InvalidValue(with_suggestion(codes.TIME_ZONE_UNKNOWN(), value, names)) from None
    return str(value)


def _profile(value: Any) -> str:
    name = schema.text(value)
    try:
        if name not in profile_ids():
            raise InvalidValue(with_suggestion(codes.CONFIG_PROFILE_UNKNOWN(), name, profile_ids()))
        return load_profile(name).id
    except ProfileError as error:
        raise InvalidValue(error.problems[0]) from None


def _unit_id(value: Any) -> int:
    """A unit identifier of Modbus, or a data block of a PLC as a string."""
    if isinstance(value, str):
        if not value.startswith("DB"):
            raise InvalidValue(codes.UNIT_ID_EXPECTED)
        if (unit := unit_of_text(value)) is None:
            raise InvalidValue(codes.DATA_BLOCK_EXPECTED)
        return unit
    return schema.integer(1, 255)(value)


def _meter_address(value: Any) -> int:
    """Same as `_unit_id`, or the 12 digits of a meter of DL/T 645 as a string."""
    if isinstance(value, str) and not value.startswith("DB"):
        return int(schema.matched(value, rf"\d{{{ADDRESS_DIGITS}}}", codes.METER_ADDRESS_EXPECTED())[0])
    return _unit_id(value)


def _bus_address(value: Any) -> tuple[str, int]:
    """Host and port; port 0 if none is stated."""
    host, port = schema.host_port(502)(value)
    return host, port if value.endswith(f":{port}") else 0


def _at_meter(value: Any) -> str:
    if value in ("drive-output", "motor-terminals"):
        raise InvalidValue(codes.METER_AT_DRIVE_OUTPUT)
    return schema.one_of("drive-input", "motor", "feeder")(value)


def _number_or_row(value: Any) -> str | float:
    return schema.text(value) if isinstance(value, str) else schema.number(0, 5, "kg/kWh")(value)


def _losses(count: int, low_w: float, expected: Code) -> Callable[[Any], tuple[float, ...]]:
    def convert(value: Any) -> tuple[float, ...]:
        if not isinstance(value, list) or len(value) != count:
            raise InvalidValue(expected)
        return tuple(map(schema.number(low_w, 1e6, "W"), value))

    return convert


_OUTPUT = schema.one_of("homeassistant", "sparkplug", "prometheus")
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
       "signal", "tariff", "ledger", "alarms")  # fmt: skip
OF_PLANT = ("site", "bus", "meter", "drive", "motor", "signal", "tariff")  # do not depend on the computer
OF_BROKER = ("broker", "user", "password_file", "ca")  # of a signal
CONTRACT_COAL = {
    "kgce_per_kwh": KeySpec(schema.number(0.1, 1.0, "kgce/kWh")),
    "year": KeySpec(schema.integer(1990, 2100)),
    "source": KeySpec(schema.text),
}
SITE = {
    "id": KeySpec(schema.identifier),
    "gateway": KeySpec(schema.identifier),
    "timezone": KeySpec(_zone, "UTC"),
    "currency": KeySpec(schema.text, None),
    "energy_price": KeySpec(schema.number(0, 1e6), None),
    "grid_factor": KeySpec(_number_or_row, None),
    "standard_coal": KeySpec(schema.one_of("generation", "supply"), "generation"),
    "contract_coal": schema.optional_table(CONTRACT_COAL),
    "topic_prefix": KeySpec(schema.topic_prefix, None),
    "simulated": KeySpec(schema.boolean, False),
    "profiles": KeySpec(schema.text, None),
    "assume_clock_synchronized": KeySpec(schema.boolean, False),
}
STORE = {
    "state_dir": KeySpec(schema.text, None),
    "durability": KeySpec(schema.one_of("strict", "sd_card"), "strict"),
    "commit_interval": KeySpec(schema.duration(0.01, 10), None),
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
    "outputs": KeySpec(schema.list_of(_OUTPUT, '["homeassistant"]', least=0), ()),
}
BUS = {
    "serial": KeySpec(schema.text, None),
    "line": KeySpec(_line, None),
    "tcp": KeySpec(_bus_address, None),
    "framing": KeySpec(schema.one_of("tcp", "rtu", "dlt645", "s7"), None),
    "mode": KeySpec(schema.one_of("poll", "listen"), "poll"),
    "rack": KeySpec(schema.integer(0, 7), None),
    "slot": KeySpec(schema.integer(0, 31), None),
    "poll_interval": KeySpec(schema.duration(0.1, 3600), 1.0),
    "listen_before_start": KeySpec(schema.duration(0, 60), 10.0),
    "resume_after_quiet": KeySpec(schema.duration(30, 86400), QUIET_S),
    "timeout": KeySpec(schema.duration(0.02, 10), None),
    "inter_request_delay": KeySpec(schema.duration(0, 5), None),
    "rs485": KeySpec(schema.boolean, False),
}
METER = {
    "bus": KeySpec(schema.identifier),
    "unit_id": KeySpec(_meter_address),
    "profile": KeySpec(_profile),
    "measuring_point": KeySpec(_at_meter),
    "wiring": KeySpec(schema.one_of(*WIRINGS), "3P4W"),
    "ct": KeySpec(schema.ratio, None),
    "vt": KeySpec(schema.ratio, None),
    "ratio_applied_by": KeySpec(schema.one_of("meter", "agent"), "meter"),
    "class": KeySpec(meter_class),
    "ct_class": KeySpec(ct_class, None),
    "vt_class": KeySpec(vt_class, None),
    "serial_number": KeySpec(schema.text, None),
    "certificate": KeySpec(schema.anything, None),  # read by agent/config/certificates.py
    "ct_certificate": KeySpec(schema.anything, None),
    "vt_certificate": KeySpec(schema.anything, None),
    "fed_by": KeySpec(schema.identifier, None),
    "allocation": KeySpec(schema.one_of(*ALLOCATION_RULES), "drive-power"),
    "power_factor_compensation": KeySpec(schema.boolean, False),
}
MOTOR_KIND = schema.one_of("pm", "pm-line-start", "induction")
IE_CLASS = schema.one_of("IE1", "IE2", "IE3", "IE4", "IE5")
LOSSES = {"points": KeySpec(schema.one_of("seven-point")), "watts": KeySpec(_losses(7, 0, codes.SEVEN_LOSSES_EXPECTED))}
DRIVE_LOSSES = {
    "points": KeySpec(schema.one_of("eight-point")), "watts": KeySpec(_losses(8, 0.01, codes.EIGHT_LOSSES_EXPECTED)),
}  # fmt: skip
REPLACED_MOTOR = {
    "kind": KeySpec(MOTOR_KIND),
    "kw": KeySpec(schema.number(0.05, 50000, "kW")),
    "class": KeySpec(IE_CLASS, None),
    "rpm": KeySpec(schema.number(10, 60000, "rpm"), None),
    "since": KeySpec(schema.day, None),
}
PERIODS = {name: KeySpec(schema.day, None) for name in ("baseline", "commissioning", "reporting", "end")}
STATIC_FACTORS = {
    "load": KeySpec(schema.one_of("constant"), None),
    "product_mix": KeySpec(schema.text, None),
    "ambient": KeySpec(schema.text, None),
    "maintenance": KeySpec(schema.text, None),
}
APPLICATIONS = ("pump", "fan", "hoist", "conveyor", "mixer", "centrifuge", "compressor", "other")
MOTOR_CONDITION = {
    "application": KeySpec(schema.one_of(*APPLICATIONS), None),
    "winding_class": KeySpec(schema.one_of("A", "E", "B", "F", "H"), None),
    "rotor_bars": KeySpec(schema.integer(8, 400), None),
    "slots": KeySpec(schema.integer(3, 400), None),
    "ls_h": KeySpec(schema.number(1e-7, 100, "H"), None),
    "carrier_hz": KeySpec(schema.number(200, 100_000, "Hz"), None),
    "dc_link_uf": KeySpec(schema.number(1, 1e7, "uF"), None),
    "bearing_signal": KeySpec(schema.identifier, None),
    "ambient_signal": KeySpec(schema.identifier, None),
    "learn_since": KeySpec(schema.day, None),
}
WAVEFORM = {
    "serial": KeySpec(schema.text, None),
    "tcp": KeySpec(schema.host_port(7000), None),
    "baud": KeySpec(schema.integer(9600, 12_000_000), 921600),
    "measuring_point": KeySpec(schema.one_of("drive-input", "motor", "drive-output")),
    "supply": KeySpec(schema.number(50, 40_000, "V"), None),
}
DRIVE = {
    "bus": KeySpec(schema.identifier),
    "unit_id": KeySpec(_unit_id),
    "profile": KeySpec(_profile),
    "fed_by": KeySpec(schema.identifier, None),
    "comm_loss": KeySpec(schema.one_of(*COMM_LOSS), None),
    "kw": KeySpec(schema.number(0.05, 50000, "kW"), None),
    "class": KeySpec(schema.one_of("IE0", "IE1", "IE2"), None),
    "losses": schema.optional_table(DRIVE_LOSSES),
    "rectifier": KeySpec(schema.boolean, True),
}
MOTOR = {
    "name": KeySpec(schema.text, None),
    "kind": KeySpec(MOTOR_KIND),
    "kw": KeySpec(schema.number(0.05, 50000, "kW")),
    "rpm": KeySpec(schema.number(10, 60000, "rpm")),
    "poles": KeySpec(schema.integer(2, 200, 2)),
    "volts": KeySpec(schema.number(12, 20000, "V")),
    "fed_by": KeySpec(schema.identifier),
    "amps": KeySpec(schema.number(0.1, 20000, "A"), None),
    "class": KeySpec(IE_CLASS, None),
    "efficiency": KeySpec(schema.number(30, 99.9, "%"), None),
    "r1_ohm": KeySpec(schema.number(1e-5, 1000, "ohm"), None),
    "no_load_w": KeySpec(schema.number(0.1, 1e6, "W"), None),
    "emf_v": KeySpec(schema.number(1, 20000, "V"), None),
    "xq_ohm": KeySpec(schema.number(1e-4, 1000, "ohm"), None),
    "losses": schema.optional_table(LOSSES),
    "replaced_motor": schema.optional_table(REPLACED_MOTOR),
    "periods": schema.optional_table(PERIODS),
    "static_factors": schema.optional_table(STATIC_FACTORS),
    "auxiliary_w": KeySpec(schema.number(0, 1e6, "W"), 0.0),
    "waveform": schema.optional_table(WAVEFORM),
    "condition": schema.optional_table(MOTOR_CONDITION),
    "alarms": KeySpec(schema.anything, None),  # read by agent/config/alarms.py
}
CALIBRATION = {
    "before": KeySpec(schema.day),
    "after": KeySpec(schema.day),
    "change": KeySpec(schema.number(0, 50)),
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
    "calibration": schema.optional_table(CALIBRATION),
}
SIGNAL_REGISTER = {
    "bus": KeySpec(schema.identifier),
    "unit_id": KeySpec(_unit_id),
    "address": KeySpec(schema.integer(0, 65535)),
    "type": KeySpec(schema.one_of("u16", "i16", "u32", "i32", "f32", "u64", "i64", "f64")),
    "word_order": KeySpec(schema.one_of("big", "little"), "big"),
    "function": KeySpec(schema.integer(3, 4), 3),
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


SECRET_FILES = ("password_file", "key")
TLS_FILES = ("ca", "cert")


def resolve_files(values: dict[str, Any], folder: Path, tls: bool, where: str, report: ConfigReport) -> None:
    """Replaces the names of files by paths; a file that is missing, readable by others or not used is a finding.

    folder: of the configuration file, to which its paths are relative.
    """
    for key in (*SECRET_FILES, *TLS_FILES):
        if (name := values.get(key)) is None:
            continue
        file = values[key] = folder / name
        if reason := unusable_file(file, key in SECRET_FILES) or (
            open_to_others(file) if key in SECRET_FILES else None
        ):
            report.finding(f"{where}.{key}", reason, name)
        if key in TLS_FILES and not tls:
            report.finding(f"{where}.{key}", codes.TLS_KEY_UNUSED(), name)


def unusable_file(file: Path, secret: bool) -> Reason | None:
    """Why there is no such file; None if there is. secret: it contains a password or key, otherwise certificates."""
    try:
        missing = codes.SECRET_FILE_MISSING if secret else codes.CERTIFICATE_FILE_MISSING
        return None if file.is_file() else missing(path=str(file))
    except OSError as error:  # no permission for the folder, or a name that is too long
        return FILE_UNREADABLE(path=str(file), error=cause_of(error))


def open_to_others(file: Path) -> Reason | None:
    """The problem if the group or all users can read a file with a secret, or its mode is unreadable; else None."""
    try:
        mode = file.stat().st_mode & 0o777
    except OSError as error:
        return FILE_UNREADABLE(path=str(file), error=cause_of(error))
    return codes.FILE_MODE_OPEN(mode=mode, path=str(file)) if mode & 0o044 else None
