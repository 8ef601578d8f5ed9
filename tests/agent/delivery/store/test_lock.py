"""One agent per state directory: the second one is rejected before it connects to anything, and names the first."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.commissioning.doctor import host
from agent.config.loader import load_config
from agent.core.clock import SystemClock
from agent.delivery.store import Store
from agent.delivery.store.lock import NAME, RETRY_S, LockHolder, StateInUse, StateLock, holder_of
from agent.delivery.store.reasons import STATE_DIR_HELD, STATE_DIR_IN_USE

SINCE_MS = 1_790_000_000_000
HOLD = """
import sys, time
from pathlib import Path
from agent.delivery.store.lock import StateLock
lock = StateLock(Path(sys.argv[1]), "run", int(sys.argv[2]))
print("held", flush=True)
time.sleep(60)
"""
PLANT = """
[site]
id = "mill-2"
gateway = "gw-07"
timezone = "Asia/Shanghai"
[store]
state_dir = "state"
[mqtt]
url = "mqtt://127.0.0.1:{broker}"
[bus.south]
tcp = "127.0.0.1:{bus}"
listen_before_start = "0s"
[meter.feeder]
bus = "south"
unit_id = 11
profile = "eastron/sdm630"
measuring_point = "feeder"
class = "1"
"""


def listening() -> socket.socket:
    found = socket.create_server(("127.0.0.1", 0))
    found.setblocking(False)
    return found


def connections(server: socket.socket) -> int:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return 0
    return 1


@pytest.mark.parametrize("command", ["run", "commission"])
def test_a_second_one_is_refused_before_it_connects(tmp_path: Path, command: str) -> None:
    with listening() as broker, listening() as bus:
        plant = tmp_path / "plant.toml"
        plant.write_text(PLANT.format(broker=broker.getsockname()[1], bus=bus.getsockname()[1]), encoding="utf-8")
        (tmp_path / "state").mkdir()
        more = ["--batch"] if command == "commission" else ["--seconds", "5"]
        with StateLock(tmp_path / "state", "run", SINCE_MS):
            found = CliRunner().invoke(main, ["--lang", "en", command, "--config", str(plant), *more])
        assert found.exit_code == 1
        assert str(os.getpid()) in found.output
        assert "2026-09-21 22:13" in found.output  # SINCE_MS on the plant's clock
        assert not connections(broker) + connections(bus)
        assert [path.name for path in (tmp_path / "state").iterdir()] == [NAME]


def test_who_holds_the_directory_of_another_process_and_a_kill_releases_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), str(SINCE_MS)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert holder_of(tmp_path) == LockHolder(other.pid, SINCE_MS, "run")
        with pytest.raises(StateInUse) as caught:
            StateLock(tmp_path, "restore", 1)
        assert caught.value.reason.code == STATE_DIR_IN_USE
        other.send_signal(signal.SIGKILL)
        other.wait(10)
    assert holder_of(tmp_path) is None
    with StateLock(tmp_path, "run", 2):
        assert holder_of(tmp_path) == LockHolder(os.getpid(), 2, "run")


@pytest.mark.parametrize("content", ["1", "{}", "", "no number", '{"pid": 1, "since_ms": 5, "command": "run"}'])
def test_content_without_a_lock_is_no_obstacle(tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content, encoding="ascii")
    assert holder_of(tmp_path) is None
    with closing(Store(tmp_path, SystemClock())) as store:
        assert store.run_id
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()


@pytest.mark.parametrize(("content", "pid"), [("4711", 4711), ("no number", None)])
def test_a_lock_of_an_earlier_version_is_reported(tmp_path: Path, content: str, pid: int | None) -> None:
    (tmp_path / NAME).write_text(content, encoding="ascii")
    with (tmp_path / NAME).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert holder_of(tmp_path) == LockHolder(pid)


def test_one_who_only_looks_refuses_nobody(tmp_path: Path) -> None:
    """`holder_of` of another process has the lock for an instant."""
    (tmp_path / NAME).touch()
    file = (tmp_path / NAME).open()
    fcntl.flock(file, fcntl.LOCK_SH)
    threading.Thread(target=lambda: (time.sleep(RETRY_S), file.close())).start()
    StateLock(tmp_path, "run", 1).close()


def test_the_doctor_says_that_an_agent_runs(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(PLANT.format(broker=1, bus=2), encoding="utf-8")
    (tmp_path / "state").mkdir()
    config = load_config(tmp_path / "plant.toml")[0]
    assert not list(host.other_process(config))
    with StateLock(tmp_path / "state", "run", SINCE_MS):
        [item] = host.other_process(config)
    assert item.reason == STATE_DIR_HELD(pid=os.getpid(), since_ms=SINCE_MS, command="magwatt run")
