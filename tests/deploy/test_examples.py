"""The examples in deploy/: those for Mosquitto are started, SQL and dashboards run on PostgreSQL where it is installed.

The other files are checked by a parser of their format. Not started: Telegraf, Grafana, TimescaleDB.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, free_port, real_command, wait_until
from support.dialects import configured

from agent.core.metrics import by_name

DEPLOY = Path(__file__).parents[2] / "deploy"
TABLES = {"telemetry": "telemetry", "pq3s": "pq3s"}


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
    for number, user in enumerate(("gw-07", "telegraf")):
        flags = ["-b", "-c"] if number == 0 else ["-b"]
        subprocess.run([tool, *flags, str(passwords), user, "secret"], check=True, capture_output=True)
    shutil.copy(DEPLOY / "mosquitto" / "magwatt.acl", tmp_path / "acl")
    (tmp_path / "acl").chmod(0o600)
    broker = Mosquitto(tmp_path, f"password_file {passwords}\nacl_file {tmp_path / 'acl'}\n")
    text = (tmp_path / "mosquitto.conf").read_text().replace("allow_anonymous true", "allow_anonymous false")
    (tmp_path / "mosquitto.conf").write_text(text)
    broker.start()
    telegraf, gateway = Listener(broker.port, "telegraf", "secret"), Listener(broker.port, "gw-07", "secret")
    allowed = ["magwatt/v1/mill-2/gw-07/pump-1/telemetry", "magwatt/v1/mill-2/gw-07/status"]
    forbidden = ["magwatt/v1/mill-2/gw-08/pump-1/telemetry", "magwatt/v1/x", "anything"]
    for topic in [*forbidden, *allowed]:
        gateway.client.publish(topic, b"1", qos=1).wait_for_publish(5)
    wait_until(lambda: set(allowed) <= telegraf.seen.keys(), 10, "its own arrive")
    assert not set(forbidden) & telegraf.seen.keys()
    gateway.stop()
    telegraf.stop()
    broker.stop()


def test_telegraf_subscribes_to_the_topics_and_turns_levels_into_tags() -> None:
    conf = tomllib.loads((DEPLOY / "telegraf" / "telegraf.conf").read_text(encoding="utf-8"))
    (consumer,) = conf["inputs"]["mqtt_consumer"]
    topics = [topic.removeprefix("$share/telegraf/").split("/") for topic in consumer["topics"]]
    assert all(topic.startswith("$share/telegraf/") for topic in consumer["topics"])
    for rule in consumer["topic_parsing"]:
        levels = rule["topic"].split("/")
        assert len(levels) == len(rule["tags"].split("/")) == len(rule["measurement"].split("/"))
        assert rule["tags"].split("/")[2:5] == ["site", "gateway", "asset"]
        assert any(len(topic) == len(levels) for topic in topics)
    (fields,) = consumer["json_v2"]
    assert (fields["timestamp_path"], fields["timestamp_format"]) == ("t", "unix_ms"), "the envelope's time"
    assert {field["path"] for field in fields["field"]} == {"id", "q"}
    assert [item["path"] for item in fields["object"]] == ["v"]
    assert {topic[-1] for topic in topics} == set(TABLES)
    stores = {store["id"] for kind in conf["secretstores"].values() for store in kind}
    assert {name.split(":")[0] for name in re.findall(r"@\{([^}]*)\}", json.dumps(conf))} == stores


def test_grafana_files_are_read_and_name_one_data_source() -> None:
    source = yaml.safe_load((DEPLOY / "grafana" / "datasources" / "magwatt.yaml").read_text())
    provider = yaml.safe_load((DEPLOY / "grafana" / "dashboards" / "provider.yaml").read_text())
    assert source["datasources"][0]["uid"] == "magwatt"
    assert provider["providers"][0]["type"] == "file"
    for panel in dashboard()["panels"]:
        assert panel["datasource"]["uid"] == "magwatt"
        assert panel["targets"][0]["rawSql"]
    assert "password" not in json.dumps(source).replace("secureJsonData", "").replace('"password": "$__file', "")


def test_each_metric_column_is_in_the_metrics_table() -> None:
    tables = (DEPLOY / "timescaledb" / "tables.sql").read_text()
    for table, topic in TABLES.items():
        body = re.search(rf"CREATE TABLE IF NOT EXISTS {table} \((.*?)\n\);", tables, re.DOTALL)
        assert body is not None
        for column in re.findall(r"(\w+) double precision", body[1]):
            assert column.removesuffix("_u") in by_name(topic), column


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "motors.json").read_text())
    return found


def _postgres() -> Path:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders or not (folders[-1] / "initdb").exists():
        pytest.skip("PostgreSQL is not installed; sudo apt-get install -y postgresql")
    return folders[-1]


@pytest.fixture
def psql() -> Iterator[Any]:
    """Run SQL on a temporary server; PostgreSQL does not start as root."""
    tools = _postgres()
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
    home = Path(tempfile.mkdtemp(prefix="magwatt-pg-"))  # tmp_path is not accessible to other users
    if user:
        os.chown(home, 65534, 65534)
    port = free_port()
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    environment = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "HOME": str(home)}

    def tool(name: str, *arguments: str, text: str = "") -> str:
        done = subprocess.run([*user, str(tools / name), *arguments], input=text, capture_output=True, text=True,
                              env=environment, check=False, cwd=home)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        tool("initdb", "-D", str(home / "data"), "-U", "postgres", "-A", "trust")
        start = [*user, str(tools / "pg_ctl"), "-D", str(home / "data"), "-w", "-l", str(home / "log"), "-o", settings]
        subprocess.run([*start, "start"], check=True, stdout=subprocess.DEVNULL, env=environment, cwd=home)
        try:
            yield lambda sql: tool("psql", "-v", "ON_ERROR_STOP=1", "-At", "-d", "postgres", text=sql)
        finally:
            tool("pg_ctl", "-D", str(home / "data"), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home)


def test_tables_view_and_panels_work_on_postgresql(psql: Any) -> None:
    psql((DEPLOY / "timescaledb" / "tables.sql").read_text())
    psql((DEPLOY / "timescaledb" / "tables.sql").read_text())  # a second run changes nothing
    row = "(now() - INTERVAL '{age} s', 'mill-2', 'gw-07', 'pump-1', '7-{n}', 'good', {w}, 96.1, 0.8, {kwh}, {wh})"
    rows = [row.format(age=60 - n, n=n, w=1000 + n, kwh=5 + n / 10 if n < 5 else n / 10, wh=100 * n) for n in range(10)]
    psql(f"INSERT INTO telemetry VALUES {', '.join([*rows, rows[0]])};")  # a duplicate: "at least once"
    psql("INSERT INTO pq3s VALUES (now(), 'mill-2', 'gw-07', 'pump-1', '7-99', 'good', 31.2, 2.1, 0.4);")
    assert psql("SELECT count(*) FROM telemetry;").strip() == "11"
    assert psql("SELECT count(*) FROM telemetry_once;").strip() == "10"
    for variable in dashboard()["templating"]["list"]:
        found = psql(variable["query"].replace("$site", "mill-2") + ";").split()
        assert found == [{"site": "mill-2", "asset": "pump-1"}[variable["name"]]]
    answers = {panel["title"]: psql(_plain(panel["targets"][0]["rawSql"])) for panel in dashboard()["panels"]}
    assert all(answer.strip() for answer in answers.values()), answers
    assert answers["Energy, and the uncertainty of the efficiency"].startswith("pump-1|0.9"), "the meter was exchanged"
    psql("ALTER TABLE telemetry ADD COLUMN IF NOT EXISTS frequency_hz double precision;")  # as Telegraf does


def _plain(sql: str) -> str:
    """Replace Grafana's macros and variables as Grafana does."""
    sql = re.sub(r"\$__timeGroupAlias\((\w+), [^)]*\)", r"date_trunc('minute', \1) AS time", sql)
    sql = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN now() - INTERVAL '1 hour' AND now()", sql)
    return sql.replace("$site", "mill-2").replace("$asset", "'pump-1'") + ";"


def test_nothing_listens_or_writes_files_by_default(tmp_path: Path) -> None:
    dialects = configured(tmp_path, "mqtt://127.0.0.1:1").dialects
    assert (dialects.homeassistant, dialects.sparkplug, dialects.prometheus, dialects.file) == (None,) * 4
