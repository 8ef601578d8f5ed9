"""Common to many tests: a clock that the test advances, and the real broker."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0  # for an event without a time requirement
LOOK_S = 0.02


def program(name: str, *arguments: str) -> list[str]:
    """The command that runs tests/support/NAME.py in a separate process, with product and tests importable."""
    code = f"import sys; sys.path[:0] = {[str(ROOT), str(ROOT / 'tests')]}; import runpy; "
    code += f"runpy.run_module('support.{name}', run_name='__main__', alter_sys=True)"
    return [sys.executable, "-P", "-c", code, *arguments]


def interruptible(*arguments: str) -> list[str]:
    """The command that runs the product with these arguments in a separate process that SIGINT interrupts, also if
    this process ignores SIGINT, as one that a script starts in the background does."""
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    return [sys.executable, "-P", "-c", f"{code}from agent.cli import main; main()", *arguments]


class HandClock:
    """A clock that advances only by `move` and `sleep`."""

    def __init__(self, utc_s: float = 1_790_000_000.0) -> None:
        self._utc_ns, self._monotonic_ns = int(utc_s * 1e9), 1_000_000_000

    def utc_ns(self) -> int:
        return self._utc_ns

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    async def sleep(self, seconds: float) -> None:
        self.move(seconds)

    def move(self, seconds: float) -> None:
        self._utc_ns += round(seconds * 1e9)
        self._monotonic_ns += round(seconds * 1e9)

    def step(self, seconds: float) -> None:
        """A step of UTC, forward or back; monotonic time is unaffected."""
        self._utc_ns += round(seconds * 1e9)


def real_command(name: str) -> str:
    """The path of a real component. Missing: a failure in CI, a skip elsewhere."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        assert os.environ.get("CI") != "true", f"{name} is missing and CI needs the real one"
        pytest.skip(f"{name} is not installed; sudo apt-get install -y {name}")
    return found


def free_port() -> int:
    """A free port below the range of ephemeral ports, so that no connection takes it while a broker is stopped."""
    for _ in range(100):
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port between 20000 and 32000 is free")


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for an event without a time requirement; for a required time use `within`.

    seconds: limit; less than 60 s counts as 60 s.
    """
    until = time.monotonic() + max(seconds, PATIENCE_S)
    while not condition():
        assert time.monotonic() < until, f"not within {max(seconds, PATIENCE_S):g} s: {what}"
        time.sleep(LOOK_S)


def within(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for an event with a required time. Time during which this machine executed no process does not count."""
    for _ in range(round(seconds / LOOK_S)):
        if condition():
            return
        time.sleep(LOOK_S)
    assert condition(), f"not within {seconds:g} s: {what}"


def waited_s(process: int | str = "self") -> dict[str, float]:
    """Thread → seconds in which it was runnable and no processor was free (Linux, schedstat)."""
    found = {}
    for task in Path(f"/proc/{process}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            found[task.parent.name] = int(task.read_text().split()[1]) / 1e9
    return found


class Mosquitto:
    """The real broker on a free loopback port; it can be stopped and restarted on the same port."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self.config_file = folder / "mosquitto.conf"
        self.config_file.write_text(f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n{extra}")
        self._command = real_command("mosquitto")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self._command, "-c", str(self.config_file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(self._accepts, 10, "mosquitto listens")
        except AssertionError:
            self.stop()
            raise

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
