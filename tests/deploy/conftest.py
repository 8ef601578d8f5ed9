"""A served plant and an agent on it, as a service runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.basics import free_port, wait_until

Start = Callable[..., "subprocess.Popen[bytes]"]


def _start(log: Path, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", "from agent.cli import main; main()", *arguments],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **environment},
        )  # fmt: skip


@pytest.fixture
def start() -> Iterator[Start]:
    """start(log, arguments…, VARIABLE=value…); processes that still run at the end are terminated."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(log: Path, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        started.append(_start(log, *arguments, **environment))
        return started[-1]

    yield begin
    for process in reversed(started):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@pytest.fixture
def plant(tmp_path: Path, start: Start) -> tuple[Path, int]:
    """The configuration of a served plant without a broker, and the process that serves it."""
    config = tmp_path / "plant.toml"
    broker = f"mqtt://127.0.0.1:{free_port()}"
    process = start(
        tmp_path / "plant.log", "simulate", "pump-station", "--write-config", str(config), "--broker", broker
    )
    wait_until(config.exists, 20, "the plant is served")
    return config, process.pid
