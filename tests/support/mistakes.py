"""Typical mistakes in a first configuration, made for real: files, accounts, ports and brokers.

Each function makes one mistake in a folder and returns the command that meets it and the reason that it must state.
"""

from __future__ import annotations

import grp
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.basics import Mosquitto, free_port, real_command
from support.config_text import at_input, bus, drive, magnet, site, table

from agent.config import reasons as config_codes
from agent.delivery import reasons as broker_codes
from agent.runtime import reasons as start_codes
from drivers import error_reasons, toml_reasons
from drivers.file_reasons import DID_YOU_MEAN, KEY_UNKNOWN
from drivers.reasons import Reason

SERVICE = "nobody"  # an account that exists on every system and owns nothing


class Meeting(NamedTuple):
    """A mistake. command: what meets it. reason: what it states. exit_code: of the command."""

    command: list[str]
    reason: Reason
    exit_code: int


class Bench:
    """What the mistakes share: a folder that every account can enter, and a broker with a password and a TLS port."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.file = folder / "plant.toml"
        self.tls_port = free_port()
        _openssl(folder)
        passwords = folder / "passwords"
        subprocess.run([real_command("mosquitto_passwd"), "-b", "-c", passwords, "gw", "right"], check=True)
        passwords.chmod(0o644)
        extra = f"password_file {passwords}\nlistener {self.tls_port} 127.0.0.1\n"
        extra += f"certfile {folder / 'broker.pem'}\nkeyfile {folder / 'broker.key'}\nallow_anonymous false\n"
        self.broker = Mosquitto(folder, extra)
        config = self.broker.config_file
        config.write_text(config.read_text().replace("allow_anonymous true", "allow_anonymous false"))
        self.broker.start()
        stack.callback(self.broker.stop)

    def check(self, text: str, reason: Reason, *options: str, exit_code: int = 2) -> Meeting:
        """`magwatt check` of this text."""
        self.file.write_text(text, encoding="utf-8")
        return Meeting(["check", str(self.file), *options], reason, exit_code)

    def finding(self, text: str, reason: Reason, *options: str) -> Meeting:
        return self.check(text, reason, *options, exit_code=1)

    def watch(self, url: str, reason: Reason, *options: str) -> Meeting:
        host, _, port = url.partition("://")[2].partition(":")
        problem = broker_codes.BROKER_PROBLEM(host=host, port=int(port), cause=reason)
        return Meeting(["watch", url, *options, "--seconds", "1"], problem, 1)

    def secret(self, name: str = "password", text: str = "wrong\n", mode: int = 0o600) -> Path:
        file = self.folder / name
        file.write_text(text)
        file.chmod(mode)
        return file

    def port(self, mode: int, group: int = 0) -> str:
        """A pseudo-terminal with this mode and group."""
        ours, theirs = pty.openpty()
        name = os.ttyname(theirs)
        self.stack.callback(os.close, ours)
        self.stack.callback(os.close, theirs)
        os.chmod(name, mode)
        if group:
            os.chown(name, -1, group)
        return name


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        for place in (folder, *folder.parents):
            if place.stat().st_uid == os.getuid() and place.name.startswith(("pytest", "popen", "mistakes")):
                place.chmod(0o755)  # so that the mistakes are those of single files
        yield Bench(folder, stack)


def _openssl(folder: Path) -> None:
    command = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
               "/CN=broker", "-keyout", "broker.key", "-out", "broker.pem"]  # fmt: skip
    subprocess.run([real_command("openssl"), *command], cwd=folder, check=True, capture_output=True)


BUS = bus("north", "192.0.2.40:502")
METER = at_input("mcc-1", bus="north")
DRIVE = drive("vfd-1", "mcc-1", bus="north")
PLANT = site() + BUS + METER + DRIVE + magnet("pump-1", "vfd-1")


def changed(old: str, new: str, text: str = PLANT) -> str:
    assert old in text
    return text.replace(old, new, 1)


def with_broker(bench: Bench, text: str = PLANT, **keys: Any) -> str:
    return text + table("mqtt", **({"url": "mqtt://192.0.2.9:1883"} | keys))


# The text of the file


def no_file(bench: Bench) -> Meeting:
    path = str(bench.folder / "plnat.toml")
    return Meeting(["check", path], config_codes.CONFIG_FILE_MISSING(path=path), 2)


def no_quotes(bench: Bench) -> Meeting:
    return bench.check(changed('"pm"', "pm"), toml_reasons.TOML_STRING_EXPECTED(example='kind = "pm"'))


def decimal_comma(bench: Bench) -> Meeting:
    return bench.check(changed("kw = 55", "kw = 90,5"), toml_reasons.TOML_DECIMAL_COMMA(example="kw = 90.5"))


def unit_in_value(bench: Bench) -> Meeting:
    reason = toml_reasons.TOML_TEXT_AFTER_NUMBER(example='kw = "90 kW"', other="kw = 90")
    return bench.check(changed("kw = 55", "kw = 90 kW"), reason)


def open_quote(bench: Bench) -> Meeting:
    return bench.check(changed('"pm"', '"pm'), toml_reasons.TOML_QUOTE_MISSING(example='kind = "pm"'))


def chinese_quotes(bench: Bench) -> Meeting:
    reason = toml_reasons.TOML_FULL_WIDTH(found="“ ”", example='kind = "pm"')
    return bench.check(changed('"pm"', "“pm”"), reason)


def full_width_colon(bench: Bench) -> Meeting:
    reason = toml_reasons.TOML_FULL_WIDTH(found="：", example="kw = 55")
    return bench.check(changed("kw = 55", "kw：55"), reason)


def table_twice(bench: Bench) -> Meeting:
    first = PLANT.splitlines().index("[meter.mcc-1]") + 1
    return bench.check(PLANT + METER, toml_reasons.TOML_TABLE_TWICE(first=first))


def key_twice(bench: Bench) -> Meeting:
    return bench.check(changed('id = "mill-2"\n', 'id = "mill-2"\nid = "mill-3"\n'),
                       toml_reasons.TOML_KEY_TWICE(first=2))  # fmt: skip


def windows_encoding(bench: Bench) -> Meeting:
    bench.file.write_bytes(changed('kind = "pm"', 'name = "除鳞泵"\nkind = "pm"').encode("gb18030"))
    return Meeting(["check", str(bench.file)], toml_reasons.TOML_ENCODING(), 2)


def title_as_name(bench: Bench) -> Meeting:
    return bench.check(changed("[motor.pump-1]", "[motor.除鳞泵]"), toml_reasons.TOML_KEY_CHARACTERS())


def no_unit(bench: Bench) -> Meeting:
    return bench.check(changed('"192.0.2.40:502"\n', '"192.0.2.40:502"\npoll_interval = 1\n'),
                       config_codes.DURATION_EXPECTED())  # fmt: skip


def misspelled_key(bench: Bench) -> Meeting:
    reason = DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="fed_by")
    return bench.check(changed('fed_by = "mcc-1"', 'fedby = "mcc-1"'), reason)


def misspelled_bus(bench: Bench) -> Meeting:
    reason = config_codes.REFERENCE_MISSPELLED(kind="bus", near="north")
    return bench.check(changed('bus = "north"', 'bus = "nroth"'), reason)


def unit_id_twice(bench: Bench) -> Meeting:
    reason = config_codes.UNIT_ID_TAKEN(other="meter.mcc-1", bus="north")
    return bench.check(changed("unit_id = 2", "unit_id = 1"), reason)


def port_twice(bench: Bench) -> Meeting:
    reason = config_codes.PORT_TAKEN(other="bus.north", port="192.0.2.40:502")
    return bench.check(PLANT + bus("south", "192.0.2.40:502"), reason)


def city_without_zone(bench: Bench) -> Meeting:
    text = changed('gateway = "gw-07"\n', 'gateway = "gw-07"\ntimezone = "Beijing"\n')
    return bench.check(text, config_codes.TIME_ZONE_UNKNOWN())


def ct_by_feel(bench: Bench) -> Meeting:
    return bench.check(PLANT.replace('class = "0.5"', 'class = "0.5"\nct = "400:5"'), config_codes.RATIO_EXPECTED())


# Files, accounts and ports


def no_password_file(bench: Bench) -> Meeting:
    reason = config_codes.SECRET_FILE_MISSING(path=str(bench.folder / "secret"))
    return bench.finding(with_broker(bench, user="gw", password_file="secret"), reason)


def open_password_file(bench: Bench) -> Meeting:
    file = bench.secret(mode=0o644)
    reason = config_codes.FILE_MODE_OPEN(mode=0o644, path=str(file))
    return bench.finding(with_broker(bench, user="gw", password_file="password"), reason)


def password_of_root(bench: Bench) -> Meeting:
    file = bench.secret()
    found = file.stat()
    reason = start_codes.SECRET_FORBIDDEN(
        user=SERVICE, path=str(file), owner=file.owner(), group=file.group(), mode=found.st_mode & 0o777
    )
    return bench.finding(with_broker(bench, user="gw", password_file="password"), reason, "--as-user", SERVICE)


def state_dir_of_root(bench: Bench) -> Meeting:
    place = bench.folder / "state"
    place.mkdir(exist_ok=True)
    place.chmod(0o755)
    reason = start_codes.FOLDER_UNWRITABLE(
        user=SERVICE, path=str(place), owner=place.owner(), group=place.group(), mode=0o755
    )
    return bench.finding(PLANT + table("store", state_dir="state"), reason, "--as-user", SERVICE)


def serial_plant(port: str) -> str:
    return changed(BUS, bus("north", None, serial=port, line="19200 8E1", listen_before_start="0s"))


def not_in_dialout(bench: Bench) -> Meeting:
    if os.geteuid() != 0:
        pytest.skip("a port of another group needs root")
    port = bench.port(0o660, grp.getgrnam("dialout").gr_gid)
    reason = start_codes.PORT_GROUP_MISSING(user=SERVICE, path=port, group=Path(port).group())
    return bench.finding(serial_plant(port), reason, "--as-user", SERVICE)


def no_adapter(bench: Bench) -> Meeting:
    port = "/dev/ttyUSB77"
    bench.file.write_text(serial_plant(port))
    return Meeting(["read", str(bench.file), "mcc-1"], error_reasons.PORT_MISSING(port=port), 1)


def port_busy(bench: Bench) -> Meeting:
    port = bench.port(0o600)
    code = "import serial, sys; found = serial.Serial(sys.argv[1], exclusive=True); print(flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", code, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    bench.stack.callback(other.wait, 10)
    bench.stack.callback(other.kill)
    assert other.stdout is not None
    other.stdout.readline()
    bench.file.write_text(serial_plant(port))
    return Meeting(["read", str(bench.file), "mcc-1"], error_reasons.PORT_IN_USE(port=port), 1)


# Outputs and brokers


def no_library(bench: Bench) -> Meeting:
    bench.stack.enter_context(pytest.MonkeyPatch.context()).setitem(sys.modules, "prometheus_client", None)
    reason = start_codes.OUTPUT_LIBRARY_MISSING(library="prometheus_client", extra="prometheus")
    return bench.finding(PLANT + f'[prometheus]\nlisten = "127.0.0.1:{free_port()}"\n', reason)


def listen_port_taken(bench: Bench) -> Meeting:
    other = bench.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = other.getsockname()[1]
    reason = start_codes.LISTEN_PORT_TAKEN(host="127.0.0.1", port=port, other=port + 1)
    return bench.finding(PLANT + f'[prometheus]\nlisten = "127.0.0.1:{port}"\n', reason)


def plain_url_of_tls_port(bench: Bench) -> Meeting:
    text = with_broker(bench, url="mqtt://broker.example:8883")
    return bench.finding(text, start_codes.PORT_OF_TLS(host="broker.example"))


def tls_url_of_plain_port(bench: Bench) -> Meeting:
    text = with_broker(bench, url="mqtts://broker.example:1883")
    return bench.finding(text, start_codes.PORT_WITHOUT_TLS(host="broker.example"))


def no_broker(bench: Bench) -> Meeting:
    port = free_port()
    return bench.watch(f"mqtt://127.0.0.1:{port}", broker_codes.BROKER_NOT_LISTENING(port=port))


def wrong_host(bench: Bench) -> Meeting:
    reason = broker_codes.BROKER_HOST_UNKNOWN(host="brokr.invalid")  # RFC 6761: never resolved
    return bench.watch("mqtt://brokr.invalid:1883", reason)


def no_user(bench: Bench) -> Meeting:
    return bench.watch(bench.broker.url, broker_codes.BROKER_LOGIN_OPTIONS_MISSING())


def wrong_password(bench: Bench) -> Meeting:
    options = ("--user", "gw", "--password-file", str(bench.secret()))
    return bench.watch(bench.broker.url, broker_codes.BROKER_LOGIN_REJECTED(user="gw"), *options)


def tls_to_plain_port(bench: Bench) -> Meeting:
    return bench.watch(f"mqtts://127.0.0.1:{bench.broker.port}", broker_codes.BROKER_WITHOUT_TLS())


def plain_to_tls_port(bench: Bench) -> Meeting:
    return bench.watch(f"mqtt://127.0.0.1:{bench.tls_port}", broker_codes.BROKER_NEEDS_TLS())


MISTAKES: dict[str, Callable[[Bench], Meeting]] = {
    "the file is not where it is expected": no_file,
    "text without quotation marks": no_quotes,
    "decimal comma": decimal_comma,
    "unit after a number": unit_in_value,
    "closing quotation mark missing": open_quote,
    "Chinese quotation marks": chinese_quotes,
    "full-width colon": full_width_colon,
    "a table twice": table_twice,
    "a key twice": key_twice,
    "saved in GBK": windows_encoding,
    "title of a motor as its name": title_as_name,
    "duration without a unit": no_unit,
    "ratio with a colon": ct_by_feel,
    "misspelled key": misspelled_key,
    "misspelled name of a bus": misspelled_bus,
    "one unit identifier twice": unit_id_twice,
    "one port for two buses": port_twice,
    "city instead of a time zone": city_without_zone,
    "password file missing": no_password_file,
    "password file readable for all": open_password_file,
    "password file of root": password_of_root,
    "state directory of root": state_dir_of_root,
    "user not in the group of the port": not_in_dialout,
    "no such serial port": no_adapter,
    "serial port in use": port_busy,
    "library of an output missing": no_library,
    "port of an output in use": listen_port_taken,
    "mqtt:// with the port for TLS": plain_url_of_tls_port,
    "mqtts:// with the port without TLS": tls_url_of_plain_port,
    "broker not running": no_broker,
    "wrong host name": wrong_host,
    "login without a user": no_user,
    "wrong password": wrong_password,
    "TLS at a port without it": tls_to_plain_port,
    "no TLS at a port with it": plain_to_tls_port,
}
