"""TimescaleDB of Debian, which is the Apache edition, and PostgreSQL: chunks, retention, dashboards, and a fleet that
is ingested and loaded while a loader is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import duckdb
import psycopg
import pytest
from support.basics import Mosquitto
from support.dashboard_answers import check_panels
from support.delivery import persistent_broker
from support.fleet_rows import FleetRows
from support.postgres import DEPLOY, ask, postgres, run_script, set_empty, timescale_tools, tools

from agent.fleet.lake import Lake
from agent.fleet.load import load

pytestmark = [pytest.mark.soak, pytest.mark.alone]
SCRIPTS = ("tables.sql", "hypertables.sql", "retention.sql")
GATEWAYS, MOTORS, SECONDS = 50, 6, 40


@pytest.fixture(scope="module")
def _server() -> Iterator[str]:
    with postgres(timescale_tools(), "-c shared_preload_libraries=timescaledb") as address:
        yield address


@pytest.fixture
def timescaledb(_server: str) -> str:
    """Empty tables, of which four are divided into chunks."""
    set_empty(_server)
    for script in (*SCRIPTS, *SCRIPTS):  # may be repeated
        run_script(_server, script)
    return _server


def test_it_is_the_apache_edition_and_compression_says_what_it_needs(timescaledb: str) -> None:
    assert ask(timescaledb, "SHOW timescaledb.license") == [("apache",)]
    with pytest.raises(psycopg.errors.RaiseException, match="community edition"):
        run_script(timescaledb, "compression.sql")


def test_each_panel_shows_what_the_rows_say(tmp_path: Path, timescaledb: str) -> None:
    fleet = FleetRows()
    fleet.write(tmp_path)
    load(Lake(tmp_path), timescaledb)
    check_panels(timescaledb, fleet, timescaledb=True)


def test_retention_drops_chunks(timescaledb: str) -> None:
    with psycopg.connect(timescaledb, autocommit=True) as db:
        for table in ("telemetry", "savings"):
            for n, age in enumerate(("1 day", "23 months", "25 months", "4 years")):
                values = f"(now() - INTERVAL '{age}', 'mill-2', 'gw-07', 'fan', '7-{n}')"
                db.execute(f"INSERT INTO {table} (time, site, gateway, asset, id) VALUES {values}".encode())
        chunks = "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'telemetry'"
        assert ask(timescaledb, chunks) == [(4,)]
        db.execute("CALL apply_retention()")
    assert ask(timescaledb, chunks) == [(2,)]
    assert ask(timescaledb, "SELECT id FROM telemetry ORDER BY id") == [("7-0",), ("7-1",)]
    assert ask(timescaledb, "SELECT count(*) FROM savings") == [(4,)], "savings are kept"


def test_a_fleet_reaches_both_databases_each_row_once(tmp_path: Path, timescaledb: str) -> None:
    """Broker, ingestion and loading together; loaders are killed in between."""
    lake = tmp_path / "lake"
    lake.mkdir()
    broker = persistent_broker(tmp_path)
    broker.start()
    with postgres(tools()) as plain:
        run_script(plain, "tables.sql")
        worker = command("ingest", "--lake", str(lake), "--broker", broker.url, "--interval", "2", "--json")
        assert worker.stderr is not None
        while b"receiving" not in (line := worker.stderr.readline()):
            assert line, "the worker has ended"
        turns = zip(cycle((60.0, 1.0, 2.0, 60.0, 3.0)), cycle((plain, timescaledb)), strict=False)
        sent = simulate(broker, lambda: load_for(*next(turns), lake))
        assert all(ask(address, "SELECT count(*) > 0 FROM telemetry") == [(True,)] for address in (plain, timescaledb))
        worker.send_signal(signal.SIGTERM)
        assert json.loads(worker.communicate(timeout=120)[0])["rejected"] == 0
        broker.stop()
        assert sent >= GATEWAYS * MOTORS * (SECONDS - 5)
        relation = f"read_parquet('{lake}/telemetry/**/*.parquet', union_by_name = true, hive_partitioning = true)"
        [expected] = duckdb.sql(
            f"select count(*), count(distinct (gateway, id)), sum(active_power_w)::double from "
            f"(select distinct on (gateway, id) * from {relation})"
        ).fetchall()
        assert expected[0] == sent
        for address in (plain, timescaledb):
            load(Lake(lake), address)
            [(rows, ids, power)] = ask(
                address, "SELECT count(*), count(DISTINCT (gateway, id)), sum(active_power_w::float8) FROM telemetry"
            )
            assert (rows, ids) == expected[:2]
            assert power == pytest.approx(expected[2], rel=1e-9), "sums in another order of 64-bit numbers"


def simulate(broker: Mosquitto, meanwhile: Callable[[], None]) -> int:
    """Runs the load generator; returns how many rows it has sent. meanwhile: is called until it ends."""
    generator = subprocess.Popen(
        [sys.executable, "-P", "-m", "agent.cli", "simulate", "fleet", "--gateways", str(GATEWAYS), "--motors",
         str(MOTORS), "--interval", "1", "--seconds", str(SECONDS), "--broker", broker.url, "--json"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    while generator.poll() is None:
        meanwhile()
    report = json.loads(generator.communicate()[0])
    assert report["lost"] == 0
    return int(report["rows"])


def load_for(seconds: float, address: str, lake: Path) -> None:
    """Loads what is there; a loader that takes longer is killed."""
    loader = command("load", "--lake", str(lake), "--database", address)
    try:
        loader.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(loader.pid, signal.SIGKILL)
        loader.communicate()


def command(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-P", "-m", "agent.cli", "fleet", *words], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)  # fmt: skip


def test_docker_compose_reads_the_file() -> None:
    """Against its own schema, with all references between services, secrets and volumes; without starting anything."""
    command = shutil.which("docker-compose")
    assert command, "docker-compose is not installed; sudo apt-get install -y docker-compose"
    done = subprocess.run([command, "--file", str(DEPLOY / "compose" / "compose.yaml"), "config", "--quiet"],
                          capture_output=True, text=True)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
