"""The demo of a fleet, with a temporary PostgreSQL server that takes the lake: run by `make fleet-demo`."""

from __future__ import annotations

import subprocess
import sys

from support.postgres import ask, postgres, run_script, tools

TABLES = ("telemetry", "event")


def main() -> int:
    with postgres(tools()) as address:
        run_script(address, "tables.sql")
        demo = subprocess.run([sys.executable, "-m", "agent.cli", "fleet", "demo", "--database", address], check=False)
        for table in TABLES:
            ((rows, gateways),) = ask(address, f"SELECT count(*), count(DISTINCT gateway) FROM {table}")
            print(f"database, {table}: {rows} rows of {gateways} gateways")
    return demo.returncode


if __name__ == "__main__":
    sys.exit(main())
