"""Notifications that systemd receives from a real agent, from start to stop."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from support.basics import within


def received(manager: socket.socket, until: str, seconds: float = 60) -> list[dict[str, str]]:
    """The datagrams up to the first one with the key `until`."""
    found: list[dict[str, str]] = []
    end_s = time.monotonic() + seconds
    while not found or until not in found[-1]:
        manager.settimeout(max(0.01, end_s - time.monotonic()))
        found.append(dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines()))
    return found


def test_a_service_reports_ready_watchdog_reloading_and_stopping(
    plant: tuple[Path, int], tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    config, _ = plant
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        agent = start(
            tmp_path / "agent.log", "run", str(config), NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1500000"
        )
        assert "polling" in received(manager, "READY")[-1]["STATUS"]
        for _ in range(3):
            received(manager, "WATCHDOG", 5)
        agent.send_signal(signal.SIGHUP)
        assert int(received(manager, "MONOTONIC_USEC")[-1]["RELOADING"]) == 1
        received(manager, "READY")
        received(manager, "WATCHDOG", 5)
        agent.send_signal(signal.SIGTERM)
        received(manager, "STOPPING")
        within(lambda: agent.poll() is not None, 15, "it ends in half of what the unit gives it")
        assert agent.wait() == 0
    assert "Traceback" not in (tmp_path / "agent.log").read_text()
