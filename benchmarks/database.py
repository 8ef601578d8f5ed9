"""Loading a lake into PostgreSQL and TimescaleDB: rows a second, processor time, bytes a row.

`python -m benchmarks.database [--gateways N]`. 1 s rows of 15 metrics of 6 motors, a day of each gateway (default 1);
then the same as means of a minute. Needs PostgreSQL, and TimescaleDB for the second part.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import psycopg
from support.postgres import ask, postgres, run_script, set_empty, timescale_tools, tools

from agent.fleet.lake import Lake
from agent.fleet.load import load
from benchmarks.lake import write_rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gateways", type=int, default=1)
    gateways = options.parse_args().gateways
    with tempfile.TemporaryDirectory(prefix="magwatt-lake-") as folder:
        write_rows(Path(folder) / "rows", gateways, days=1)
        for name, programs, settings, scripts in (
            ("PostgreSQL", tools(), "", ("tables.sql",)),
            ("TimescaleDB", timescale_tools(), "-c shared_preload_libraries=timescaledb",
             ("tables.sql", "hypertables.sql")),
        ):  # fmt: skip
            with postgres(programs, settings) as address:
                for mean_s in (0, 60):
                    set_empty(address)
                    for script in scripts:
                        run_script(address, script)
                    print(f"{name}, {f'means of {mean_s} s' if mean_s else 'each row'}: "
                          f"{measured(Path(folder) / 'rows', address, mean_s)}", flush=True)  # fmt: skip


def measured(lake: Path, address: str, mean_s: int) -> str:
    began_s, cpu_s, server_cpu_s = time.monotonic(), own_cpu_s(), cpu_of_server_s(address)
    report = load(Lake(lake), address, mean_s=mean_s)
    wall_s, loader_s = time.monotonic() - began_s, own_cpu_s() - cpu_s
    server_s = cpu_of_server_s(address) - server_cpu_s
    began_s = time.monotonic()
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("DELETE FROM loaded_file")
    again = load(Lake(lake), address, mean_s=mean_s)
    again_s = time.monotonic() - began_s
    assert again.inserted == 0
    relations = "pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'i') AND " \
                "(relname LIKE 'telemetry%' OR relname LIKE '%hyper%')"  # fmt: skip
    table, index = (ask(address, f"SELECT sum(pg_relation_size(c.oid)) FROM {relations} AND relkind = '{kind}'")[0][0]
                    for kind in "ri")  # fmt: skip
    return (f"{report.inserted} rows, {report.inserted / wall_s:.0f} rows/s; read again, none new: "
            f"{report.rows / again_s:.0f} rows/s; loader {1e6 * loader_s / report.rows:.1f} µs of processor time "
            f"a row, server {1e6 * server_s / report.inserted:.1f} µs; "
            f"a day of a motor: {day_of_a_motor_s(address):.2f} s; "
            f"{table / report.inserted:.0f} + {index / report.inserted:.0f} B a row (table + index)")  # fmt: skip


def day_of_a_motor_s(address: str) -> float:
    """Time of the panel with the power of a motor over a day, in points of 5 min."""
    began_s = time.monotonic()
    rows = ask(
        address,
        "SELECT floor(extract(epoch from time) / 300) * 300, asset, avg(active_power_w) FROM telemetry "
        "WHERE time BETWEEN '2026-09-30' AND '2026-10-02' AND site = 'mill-2' AND gateway IN ('gw-0000') "
        "AND asset IN ('motor-03') AND q <> 'bad' GROUP BY 1, 2 ORDER BY 1",
    )
    assert len(rows) == 288
    return time.monotonic() - began_s


def cpu_of_server_s(address: str) -> float:
    """Processor time of the connections that have ended."""
    with psycopg.connect(address) as db:
        row = db.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        parent = _stat(row[0])[1]
    return sum(map(int, _stat(int(parent))[13:15])) / os.sysconf("SC_CLK_TCK")


def _stat(process: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
