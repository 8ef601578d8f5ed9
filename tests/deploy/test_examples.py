"""The examples in deploy/mosquitto and the broker of deploy/compose, started."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, free_port, real_command, wait_until
from support.dialects import configured

DEPLOY = Path(__file__).parents[2] / "deploy"


class Listener:
    def __init__(self, port: int, user: str | None = None, password: str | None = None) -> None:
        self.seen: dict[str, bytes] = {}
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        if user:
            self.client.username_pw_set(user, password)
        ready = threading.Event()
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = lambda _client, _data, m: self.seen.__setitem__(m.topic, m.payload)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert ready.wait(60), "the broker takes the subscription"

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Mosquitto]:
    (tmp_path / "centre").mkdir()
    broker = Mosquitto(tmp_path / "centre")
    broker.start()
    yield broker
    broker.stop()


def without(text: str, *keys: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.split(" ")[0] not in keys) + "\n"


def test_the_bridge_carries_a_plant_to_the_centre_and_commands_back(tmp_path: Path, centre: Mosquitto) -> None:
    """The unmodified files, with ports of this machine and without certificates."""
    bridge = without((DEPLOY / "mosquitto" / "bridge-centre.conf").read_text(), "bridge_cafile", "remote_username",
                     "remote_password").replace("centre.example:8883", f"127.0.0.1:{centre.port}")  # fmt: skip
    (tmp_path / "bridges").mkdir()
    (tmp_path / "bridges" / "centre.conf").write_text(bridge)
    port = free_port()
    site = without((DEPLOY / "mosquitto" / "site.conf").read_text(), "cafile", "certfile", "keyfile", "password_file",
                   "acl_file")  # fmt: skip
    site = site.replace("listener 8883", f"listener {port} 127.0.0.1").replace("allow_anonymous false",
                                                                               "allow_anonymous true")  # fmt: skip
    site = site.replace("/var/lib/mosquitto/", f"{tmp_path}/").replace("/etc/mosquitto/bridges", f"{tmp_path}/bridges")
    (tmp_path / "site.conf").write_text(f"user {pwd.getpwuid(os.getuid()).pw_name}\n{site}")
    process = subprocess.Popen([real_command("mosquitto"), "-c", str(tmp_path / "site.conf")],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    listener = Listener(centre.port)
    try:
        wait_until(lambda: _connects(port), 10, "the site's broker")
        plant = Listener(port)
        plant.client.publish("magwatt/v1/mill-2/gw-07/status", b"online", qos=1, retain=True)
        plant.client.publish("magwatt/v1/other/gw-07/status", b"online", qos=1, retain=True)
        wait_until(lambda: listener.seen.get("magwatt/v1/mill-2/gw-07/status") == b"online", 20, "at the centre")
        listener.client.publish("spBv1.0/mill-2/NCMD/gw-07", b"x", qos=1)
        wait_until(lambda: plant.seen.get("spBv1.0/mill-2/NCMD/gw-07") == b"x", 10, "the command at the plant")
        assert "magwatt/v1/other/gw-07/status" not in listener.seen
        plant.stop()
    finally:
        listener.stop()
        process.terminate()
        process.wait(60)


def _connects(port: int) -> bool:
    probe = paho.Client(CallbackAPIVersion.VERSION2)
    try:
        probe.connect("127.0.0.1", port)
    except OSError:
        return False
    probe.disconnect()
    return True


def test_the_access_list_lets_a_gateway_write_its_own_topics_only(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    tool = real_command("mosquitto_passwd")
    for number, user in enumerate(("gw-07", "telegraf", "lake")):
        flags = ["-b", "-c"] if number == 0 else ["-b"]
        subprocess.run([tool, *flags, str(passwords), user, "secret"], check=True, capture_output=True)
    shutil.copy(DEPLOY / "mosquitto" / "magwatt.acl", tmp_path / "acl")
    (tmp_path / "acl").chmod(0o600)
    broker = Mosquitto(tmp_path, f"password_file {passwords}\nacl_file {tmp_path / 'acl'}\n")
    text = (tmp_path / "mosquitto.conf").read_text().replace("allow_anonymous true", "allow_anonymous false")
    (tmp_path / "mosquitto.conf").write_text(text)
    broker.start()
    readers = [Listener(broker.port, name, "secret") for name in ("telegraf", "lake")]
    gateway = Listener(broker.port, "gw-07", "secret")
    allowed = ["magwatt/v1/mill-2/gw-07/pump-1/telemetry", "magwatt/v1/mill-2/gw-07/status"]
    forbidden = ["magwatt/v1/mill-2/gw-08/pump-1/telemetry", "magwatt/v1/x", "anything"]
    for topic in [*forbidden, *allowed]:
        gateway.client.publish(topic, b"1", qos=1).wait_for_publish(5)
    for reader in readers:
        wait_until(lambda seen=reader.seen: set(allowed) <= seen.keys(), 10, "its own arrive")
        assert not set(forbidden) & reader.seen.keys()
        reader.stop()
    gateway.stop()
    broker.stop()


def test_the_broker_of_the_compose_file_has_an_account_for_each_gateway(tmp_path: Path) -> None:
    """As its container starts it: passwords of make-secrets.sh, hashed, and the access list."""
    shutil.copytree(DEPLOY / "compose", tmp_path / "compose")
    for _ in range(2):  # a second run changes no password
        subprocess.run(["sh", str(tmp_path / "compose" / "make-secrets.sh"), "gw-07"], check=True)
        secrets = tmp_path / "compose" / "secrets"
        accounts = dict(text.split(":") for text in (secrets / "broker_passwords").read_text().split())
    assert accounts.keys() == {"telegraf", "gw-07"}
    assert accounts["telegraf"] == (secrets / "mqtt").read_text()
    assert len(set(accounts.values())) == 2
    assert secrets.stat().st_mode & 0o777 == 0o700
    service = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]["broker"]
    prepare = service["command"][2].partition(" exec ")[0].removesuffix("&&")
    user, port = pwd.getpwuid(os.getuid()).pw_name, free_port()
    (tmp_path / "data").mkdir()
    places = {"/run/secrets": str(secrets), "/tmp/passwords": str(tmp_path / "passwords"),
              "/mosquitto/data": str(tmp_path / "data"), "/mosquitto/config/magwatt.acl": str(tmp_path / "acl"),
              "chown mosquitto": f"chown {user}", "listener 1883": f"listener {port} 127.0.0.1"}  # fmt: skip
    conf = (DEPLOY / "compose" / "mosquitto.conf").read_text()
    for place, here in places.items():
        prepare, conf = prepare.replace(place, here), conf.replace(place, here)
    tool = Path(real_command("mosquitto_passwd")).parent
    subprocess.run(["sh", "-c", prepare], check=True, env={**os.environ, "PATH": f"{tool}:{os.environ['PATH']}"})
    shutil.copy(DEPLOY / "mosquitto" / "magwatt.acl", tmp_path / "acl")
    (tmp_path / "acl").chmod(0o600)
    (tmp_path / "conf").write_text(f"user {user}\n{conf}")
    process = subprocess.Popen([real_command("mosquitto"), "-c", str(tmp_path / "conf")],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        wait_until(lambda: _connects(port), 10, "the broker")
        telegraf = Listener(port, "telegraf", accounts["telegraf"])
        intruder, gateway = (Listener(port, "gw-07", accounts["gw-07"]) for _ in range(2))
        intruder.client.publish("magwatt/v1/mill-2/gw-08/health", b"1", qos=1)
        intruder.stop()  # Mosquitto with max_inflight_messages also disconnects a client whose message it rejects
        gateway.client.publish("magwatt/v1/mill-2/gw-07/health", b"2", qos=1).wait_for_publish(5)
        wait_until(lambda: list(telegraf.seen.values()) == [b"2"], 10, "its own topic only")
        gateway.stop()
        telegraf.stop()
    finally:
        process.terminate()
        process.wait(60)


def test_nothing_listens_or_writes_files_by_default(tmp_path: Path) -> None:
    dialects = configured(tmp_path, "mqtt://127.0.0.1:1").dialects
    assert (dialects.homeassistant, dialects.sparkplug, dialects.prometheus, dialects.file) == (None,) * 4
