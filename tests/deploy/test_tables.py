"""The tables, views and the retention on PostgreSQL."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest
import yaml
from support.postgres import DEPLOY, ask, run_script, tools

from agent.core.metrics import by_name
from agent.fleet.load import KINDS

ROW = (
    "INSERT INTO {table} (time, site, gateway, asset, id) "
    "VALUES (now() - INTERVAL '{age}', 'mill-2', 'gw-07', 'fan', '{id}')"
)
AGES = ("1 day", "11 days", "13 months", "25 months", "61 months")


def run(address: str, *commands: str) -> None:
    with psycopg.connect(address, autocommit=True) as db:
        for command in commands:
            db.execute(command.encode())


def test_each_column_is_in_the_metrics_table() -> None:
    text = (DEPLOY / "timescaledb" / "tables.sql").read_text()
    for table in KINDS:
        body = re.search(rf"CREATE TABLE IF NOT EXISTS {table} \((.*?)\n\);", text, re.DOTALL)
        assert body is not None
        frame, columns = re.split(r"\n  q text,?", body[1])
        assert re.findall(r"\n  (\w+) ", frame) == ["time", "site", "gateway", "asset", "id"]
        for name, kind in re.findall(r"\n  (\w+) ([\w ]+)", columns):
            metric = by_name(table).get(name) or by_name(table)[name.removesuffix("_u")]
            if metric.kind in ("text", "code"):
                assert kind == "text", name


def test_old_rows_are_deleted_as_long_as_the_table_says(database: str) -> None:
    """A second run of the scripts changes nothing, also not what an operator has set."""
    run_script(database, "retention.sql")
    run(database, "UPDATE retention SET keep = '10 days' WHERE name = 'pq3s'")
    run_script(database, "tables.sql")
    run_script(database, "retention.sql")
    for table in KINDS:
        run(database, *(ROW.format(table=table, age=age, id=f"7-{n}") for n, age in enumerate(AGES)))
    run(database, "CALL apply_retention()")
    left = {table: ask(database, f"SELECT count(*) FROM {table}")[0][0] for table in KINDS}
    assert left == {"telemetry": 3, "pq3s": 1, "pq10m": 4, "savings": 5, "event": 5, "health": 2}


def test_the_compose_file_deletes_old_rows_once_a_day(tmp_path: Path, database: str) -> None:
    """Its command, with one turn instead of a loop."""
    run_script(database, "retention.sql")
    run(database, *(ROW.format(table="telemetry", age=age, id=f"7-{n}") for n, age in enumerate(AGES)))
    (tmp_path / "password").write_text("none")
    command = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]["retention"]["command"][2]
    server = psycopg.conninfo.conninfo_to_dict(database)
    for there, here in (("$$", "$"), ("/run/secrets/database_password", str(tmp_path / "password")),
                        ("--host=database", f"--host={server['host']} --port={server['port']}"),
                        ("--username=magwatt --dbname=magwatt", "--username=postgres --dbname=postgres"),
                        ("sleep 86400", "break")):  # fmt: skip
        assert there in command
        command = command.replace(there, here)
    subprocess.run(["sh", "-c", command], check=True, env={**os.environ, "PATH": f"{tools()}:{os.environ['PATH']}"})
    assert ask(database, "SELECT count(*) FROM telemetry") == [(3,)]


def test_the_state_of_an_alarm_is_the_newest_by_number(database: str) -> None:
    """Run 10 is later than run 9, though its clock was wrong."""
    for row_id, state, hours in (("9-100", "UNACK", 1), ("10-2", "NORM", 3), ("10-1", "RTNUN", 2)):
        run(
            database,
            "INSERT INTO event (time, site, gateway, id, alarm, alarm_state) VALUES "
            f"(now() - INTERVAL '{hours} h', 'mill-2', 'gw-07', '{row_id}', 'disk_full', '{state}')",
        )
    assert ask(database, "SELECT alarm, state FROM alarm_state") == [("disk_full", "NORM")]


def test_grafana_can_read_and_nothing_else(database: str) -> None:
    script = (DEPLOY / "compose" / "grafana-user.sh").read_text()
    script = script.replace("$(cat /run/secrets/grafana_password)", "it's secret")
    server = psycopg.conninfo.conninfo_to_dict(database)
    environment = {
        **os.environ, "PATH": f"{tools()}:{os.environ['PATH']}", "PGHOST": str(server["host"]),
        "PGPORT": str(server["port"]), "POSTGRES_USER": "postgres", "POSTGRES_DB": "postgres",
    }  # fmt: skip
    try:
        subprocess.run(["sh", "-c", script], check=True, env=environment, capture_output=True)
        reader = database.replace("postgres@", "grafana@")
        run(database, ROW.format(table="savings", age="1 day", id="7-8"))
        assert ask(reader, "SELECT count(*) FROM savings_once") == [(1,)]
        for command in (
            "DELETE FROM savings",
            "CREATE TABLE other (a int)",
            ROW.format(table="event", age="1 day", id="7-9"),
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                run(reader, command)
    finally:
        run(database, "DROP OWNED BY grafana", "DROP ROLE grafana")
