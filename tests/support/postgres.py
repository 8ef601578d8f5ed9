"""A temporary PostgreSQL server without a password, on the loopback interface."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.basics import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
USER = 65534  # PostgreSQL does not start as root
QUICK = "-c fsync=off -c full_page_writes=off -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"


def tools() -> Path:
    """The folder of the newest server that is installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not folders:
        pytest.skip("PostgreSQL is not installed; sudo apt-get install -y postgresql")
    return folders[-1].parent


def timescale_tools() -> Path:
    """The folder of the server that has TimescaleDB."""
    found = sorted(Path("/usr/share/postgresql").glob("*/extension/timescaledb.control"))
    assert found, "TimescaleDB is not installed; sudo apt-get install -y postgresql-17-timescaledb"
    return Path("/usr/lib/postgresql") / found[-1].parents[1].name / "bin"


@contextmanager
def postgres(folder: Path, options: str = "") -> Iterator[str]:
    """Yields the address of its database. folder: of the programs. options: of the server."""
    as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.getuid() == 0 else []
    home = Path(tempfile.mkdtemp(prefix="magwatt-pg-"))  # tmp_path is not accessible to other users
    if as_user:
        os.chown(home, USER, USER)
    port = free_port()

    def run(*command: str) -> None:
        done = subprocess.run([*as_user, str(folder / command[0]), *command[1:]], capture_output=True, text=True,
                              env={**os.environ, "HOME": str(home)}, check=False, cwd=home)  # fmt: skip
        assert done.returncode == 0, done.stderr

    try:
        run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C.UTF-8")
        with (home / "log").open("w") as log:  # of pg_ctl, whose server would keep a pipe open
            subprocess.run([*as_user, str(folder / "pg_ctl"), "-D", "data", "-w", "-o", f"-p {port} {QUICK} {options}",
                            "start"], check=True, stdout=log, stderr=log, cwd=home)  # fmt: skip
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home)


def run_script(address: str, name: str) -> None:
    """Runs a file of deploy/timescaledb."""
    with psycopg.connect(address, autocommit=True) as db:
        db.execute((DEPLOY / "timescaledb" / name).read_text())


def set_empty(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("DROP SCHEMA public CASCADE")
        db.execute("CREATE SCHEMA public")
        db.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")  # as in a new database


def ask(address: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query; times are in UTC."""
    with psycopg.connect(address, options="-c timezone=UTC") as db:
        return db.execute(query.encode()).fetchall()
