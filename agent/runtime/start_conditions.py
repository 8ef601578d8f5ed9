"""What would prevent the agent, or a part of it, from working, as far as this is known without a device or broker.

`check` prints it, `run` logs it at the start, and `doctor` repeats it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.config.certificate_conditions import certificate_conditions
from agent.config.model import Config, Mqtt
from agent.config.schema import FINDING, NOTE, ConfigReport
from agent.config.signals import topic_signals
from agent.config.topology import polled_devices
from agent.core.account import UserAccount, own_account
from agent.core.local_time import zone_of
from agent.delivery.output_libraries import missing_libraries
from agent.delivery.store import default_directory
from agent.runtime import reasons as codes
from agent.runtime.file_conditions import cannot_create, cannot_open_port, cannot_read
from agent.runtime.listen_port import cannot_listen
from agent.runtime.tls_conditions import unusable_certificates
from drivers.profiles import load_profile
from drivers.reasons import Reason
from drivers.register_blocks import usable

PORT, PORT_TLS = 1883, 8883  # IANA: mqtt, secure-mqtt
Condition = tuple[str, str, Reason]  # level, key of the configuration, reason


def add_start_conditions(config: Config, report: ConfigReport, account: UserAccount | None = None) -> None:
    """Adds findings and notes to the report of a configuration.

    account: of the agent; None: that of this process.
    """
    today = datetime.now(zone_of(config.site.timezone)).date()
    conditions = _conditions(config, account or own_account(), account is not None)
    for level, key, reason in (*conditions, *certificate_conditions(config, today)):
        if level == NOTE:
            report.note(key, reason)
        else:
            report.finding(key, reason)


def _conditions(config: Config, account: UserAccount, other: bool) -> Iterator[Condition]:
    if reason := cannot_read(account, config.path, secret=False):
        yield _level(reason), "", reason
    for key, broker in _brokers(config):
        yield from _broker(key, broker, account)
    yield from _folders(config, account, other)
    yield from _ports(config, account)
    for library in missing_libraries(config.dialects):
        missing = codes.OUTPUT_LIBRARY_MISSING(library=library.library, extra=library.extra)
        yield FINDING, library.key, missing
    settings, state_dir = config.dialects.prometheus, config.state_dir or default_directory()
    if settings and (taken := cannot_listen(settings.host, settings.port, state_dir)):
        yield FINDING, "prometheus.listen", taken
    yield from _transports(config)
    yield from _trips(config)
    try:
        ZoneInfo(config.site.timezone)
    except ZoneInfoNotFoundError:
        yield FINDING, "site.timezone", codes.TIME_ZONES_MISSING()


def _brokers(config: Config) -> Iterator[tuple[str, Mqtt]]:
    """Each broker with the table of its keys."""
    if config.mqtt is not None:
        yield "mqtt", config.mqtt
    for signal in topic_signals(config):
        if signal.broker is not None and signal.broker is not config.mqtt:
            yield signal.device, signal.broker


def _broker(key: str, broker: Mqtt, account: UserAccount) -> Iterator[Condition]:
    url = "mqtt.url" if key == "mqtt" else f"{key}.broker"
    if broker.port == PORT_TLS and not broker.tls:
        yield FINDING, url, codes.PORT_OF_TLS(host=broker.host)
    if broker.port == PORT and broker.tls:
        yield FINDING, url, codes.PORT_WITHOUT_TLS(host=broker.host)
    usable = True
    for name, secret in (("password_file", True), ("ca", False), ("cert", False), ("key", True)):
        file: Path | None = getattr(broker, name)
        if file is None or not _exists(file):  # the loader reports a file that is missing
            usable = usable and file is None
        elif reason := cannot_read(account, file, secret):
            usable = False
            yield _level(reason), f"{key}.{name}", reason
    if usable:
        for name, reason in unusable_certificates(broker):
            yield FINDING, f"{key}.{name}", reason
    if broker.password_file is not None and _is_empty(broker.password_file):
        yield FINDING, f"{key}.password_file", codes.PASSWORD_EMPTY(path=str(broker.password_file))


def _folders(config: Config, account: UserAccount, other: bool) -> Iterator[Condition]:
    """Folders in which the agent creates files. other: the account is not that of this process."""
    folders: list[tuple[str, Path | None]] = [
        ("store.state_dir", config.state_dir or (None if other else default_directory())),
        ("ledger.checkpoint_file", config.checkpoint_file.parent if config.checkpoint_file else None),
        ("file.dir", config.dialects.file.directory if config.dialects.file else None),
    ]
    for key, folder in folders:
        if folder is not None and (reason := cannot_create(account, folder)):
            yield _level(reason), key, reason


def _ports(config: Config, account: UserAccount) -> Iterator[Condition]:
    ports: dict[str, Any] = {f"bus.{bus.name}.serial": bus.serial for bus in config.buses.values()}
    for motor in config.motors.values():
        if motor.waveform and "://" not in motor.waveform.where:
            ports[f"motor.{motor.name}.waveform.serial"] = motor.waveform.where
    for key, port in ports.items():
        if port and (reason := cannot_open_port(account, Path(port))):
            yield NOTE if reason.code == codes.PORT_NOT_PLUGGED_IN else _level(reason), key, reason


def _transports(config: Config) -> Iterator[Condition]:
    """Devices whose register map is not for the kind of their bus."""
    for item in polled_devices(config):
        bus, transports = config.buses[item.bus], load_profile(item.profile).transports
        key = f"{'meter' if item.name in config.meters else 'drive'}.{item.name}.profile"
        if bus.framing == "tcp" and "tcp" not in transports:
            yield NOTE, key, codes.PROFILE_RTU_ONLY(bus=bus.name)
        if bus.framing == "rtu" and "rtu" not in transports:
            yield FINDING, key, codes.PROFILE_TCP_ONLY()


def _trips(config: Config) -> Iterator[Condition]:
    """Drives whose trip cannot be seen: neither a fault code nor a status word that shows it."""
    for name, drive in config.drives.items():
        profile = load_profile(drive.profile)
        readable = {row.name for row in usable(profile, {row.name for row in profile.registers})}
        if not readable & {"fault_code", *([profile.trip.register] if profile.trip else [])}:
            yield NOTE, f"drive.{name}.profile", codes.TRIP_NOT_SHOWN(profile=profile.id)


def _level(reason: Reason) -> str:
    return NOTE if reason.code == codes.ACCESS_NOT_EXAMINED else FINDING


def _exists(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:
        return False


def _is_empty(file: Path) -> bool:
    try:
        return not file.read_bytes().strip()
    except OSError:
        return False
