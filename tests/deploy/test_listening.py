"""By default the agent listens on its UNIX socket and on no network, according to the kernel's list of its sockets."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from support.basics import wait_until

LISTEN, ESTABLISHED = "0A", "01"


def sockets(pid: int) -> set[tuple[str, str]]:
    """(kind, state) of each socket that a process and its children hold, from /proc."""
    inodes = set()
    for process in (pid, *children(pid)):
        with suppress(OSError):  # the process has ended
            for entry in os.listdir(f"/proc/{process}/fd"):
                with suppress(OSError):  # the descriptor has been closed
                    inodes.add(os.readlink(f"/proc/{process}/fd/{entry}").removeprefix("socket:[").removesuffix("]"))
    found = set()
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        file = Path(f"/proc/{pid}/net/{kind}")
        for line in file.read_text().splitlines()[1:] if file.exists() else []:
            words = line.split()
            if words[9] in inodes:
                found.add((kind, words[3]))
    for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]:
        words = line.split()
        if words[6] in inodes:
            found.add(("unix", LISTEN if int(words[3], 16) & 0x10000 else ESTABLISHED))
    return found


def children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # the process has ended
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):  # the thread has ended
                found += [int(word) for word in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    return found + [inner for child in found for inner in children(child)]


def listening(pid: int) -> set[tuple[str, str]]:
    """True for listening sockets. A datagram socket bound to a port receives from any sender: it counts."""
    return {item for item in sockets(pid) if item[1] == LISTEN or item[0].startswith(("udp", "raw"))}


def test_a_running_agent_listens_on_no_network(
    plant: tuple[Path, int], tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """With its devices connected, its waveform running and its broker unavailable."""
    config, served_by = plant
    assert any(state == LISTEN for _, state in listening(served_by)), "the plant listens, and this test sees it"
    log = tmp_path / "agent.log"
    agent = start(log, "run", str(config))
    wait_until(lambda: ("tcp", ESTABLISHED) in sockets(agent.pid), 20, "a device is connected")
    wait_until(lambda: "polling" in log.read_text(), 20, "it polls")
    for _ in range(20):
        assert listening(agent.pid) == {("unix", LISTEN)}
        time.sleep(0.1)
    assert agent.poll() is None
