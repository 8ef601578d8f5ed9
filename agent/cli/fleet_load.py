"""`magwatt fleet load`: the messages of a lake in a database."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agent.cli.fleet_options import lake_option, need_libraries
from agent.cli.options import FINDING, fail
from agent.core.text import N_, _, as_object, text_of

DAY_S = 86_400


@click.command(
    help=N_(
        "Load the messages in a lake into PostgreSQL, with or without TimescaleDB.\n\n"
        "Loads what is new, each message once; may be repeated, as often as wanted. The tables are those of "
        "deploy/timescaledb/tables.sql. libpq finds the password: in ~/.pgpass or PGPASSWORD. Exits 1 if there is a "
        "finding."
    )
)
@lake_option
@click.option("--database", "address", metavar="URL", required=True,
              help=N_("Load into this database: postgresql://USER@HOST/NAME."))  # fmt: skip
@click.option("--days", type=click.IntRange(1, 36_500), metavar="N", help=N_("Only the last N UTC days."))
@click.option("--mean", "mean_s", type=click.IntRange(1, DAY_S), metavar="SECONDS",
              help=N_("Load means over this time instead of each row of telemetry and pq3s; "
                      "it must divide a day."))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def load(lake_dir: Path, address: str, days: int | None, mean_s: int | None, as_json: bool) -> None:
    if mean_s and DAY_S % mean_s:
        fail(_("--mean {n:d}: a day has no whole number of {n:d} s; for example 10, 60 or 900", n=mean_s))
    need_libraries("psycopg")
    from msgspec.structs import asdict

    from agent.core.clock import SystemClock
    from agent.delivery.files.lake.rows import DAY_MS, day_of
    from agent.fleet.database import DatabaseError
    from agent.fleet.lake import Lake, LakeError
    from agent.fleet.load import load as load_lake

    since = day_of(SystemClock().utc_ns() // 1_000_000 - (days - 1) * DAY_MS) if days else ""
    try:
        lake = Lake(lake_dir)
        counts = asdict(load_lake(lake, address, since=since, mean_s=mean_s or 0))
    except (LakeError, DatabaseError) as error:
        fail(text_of(error))
    if as_json:
        click.echo(json.dumps({**counts, "findings": [as_object(finding) for finding in lake.findings]}))
    else:
        click.echo(_("{files:d} new {files:file|files}, {rows:d} rows in them, {inserted:d} of these new", **counts))
        for finding in lake.findings:
            click.echo(text_of(finding), err=True)
    sys.exit(FINDING if lake.findings else 0)
