"""A new root file system of Debian, in which packages are installed and the service runs."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
import zlib
from collections.abc import Callable
from pathlib import Path

# All on which the package depends, so that the check needs no network once this base is there.
BASE = "python3,systemd,init-system-helpers,libstdc++6,libgomp1,zlib1g,tzdata,procps,libfaketime"
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
CONFIG = "etc/magwatt/plant.toml"
STATE = "var/lib/magwatt/magwatt.sqlite"


class Chroot:
    """root: its folder. It ends with the namespace of processes and mounts in which this process runs."""

    def __init__(self, codename: str, work: Path) -> None:
        base = work / f"base-{codename}-{zlib.crc32(BASE.encode()):08x}.tar"  # another one when BASE changes
        if not base.exists():
            partial = base.with_suffix(".partial.tar")
            command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={BASE}", codename, str(partial)]
            subprocess.run(command, check=True)
            partial.rename(base)
        self.root = work / "chroot"
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        subprocess.run(["tar", "-xf", str(base), "-C", str(self.root)], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", str(self.root / "proc")], check=True)
        subprocess.run(
            ["mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666", "devpts", str(self.root / "dev/pts")],
            check=True,
        )
        (self.root / "run/systemd/system").mkdir(parents=True)
        real = self.path("usr/bin/systemctl")  # its place: apt runs dpkg with a PATH without /usr/local
        real.rename(real.with_suffix(".real"))
        shutil.copy(Path(__file__).with_name("systemctl"), real)

    def path(self, name: str) -> Path:
        return self.root / name

    def command(self, *arguments: str, limit_s: float = 300.0, **environment: str) -> tuple[int, str]:
        """Exit status and output of a command inside."""
        done = subprocess.run(
            ["chroot", str(self.root), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT | environment, timeout=limit_s,
        )  # fmt: skip
        return done.returncode, done.stdout

    def run(self, *arguments: str, limit_s: float = 300.0) -> str:
        """Output of a command that must succeed."""
        status, output = self.command(*arguments, limit_s=limit_s)
        assert status == 0, f"{' '.join(arguments)}: exit status {status}\n{output}"
        return output

    def start(self, *arguments: str, log: str) -> subprocess.Popen[bytes]:
        """A command that continues to run inside."""
        with self.path(log).open("wb") as output:
            return subprocess.Popen(
                ["chroot", str(self.root), *arguments], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, env=ENVIRONMENT, start_new_session=True,
            )  # fmt: skip

    def install(self, package: Path, **environment: str) -> tuple[int, str]:
        """Exit status and output of apt."""
        file = f"/tmp/{package.name}"
        if not self.path(file[1:]).exists():
            shutil.copyfile(package, self.path(file[1:]))
        install = ("apt-get", "install", "--yes", "--allow-downgrades", "--reinstall", file)
        return self.command(*install, limit_s=900, **environment)

    def clock_in_1970(self) -> dict[str, str]:
        """Variables with which a program believes that it is 1970; its other clocks are right."""
        (library,) = self.root.glob("usr/lib/*/faketime/libfaketimeMT.so.1")
        return {
            "LD_PRELOAD": f"/{library.relative_to(self.root)}",
            "FAKETIME": f"-{time.time():.0f}",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def version(self) -> str:
        return self.run("dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}${Version}", "magwatt").strip()

    def service_pid(self) -> int | None:
        """Process identifier of the running service."""
        try:
            pid = int(self.path("run/magwatt.pid").read_text())
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return None if Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z") else pid

    def row_times_ms(self) -> list[int]:
        """Times of the stored rows, in order."""
        file = f"file:{self.path(STATE)}?mode=ro"
        with contextlib.closing(sqlite3.connect(file, uri=True, timeout=10)) as db:
            return [
                t_ms for (t_ms,) in db.execute("select distinct t_ms from spool where kind = 'telemetry' order by t_ms")
            ]

    def set_state_version(self, folder: str, version: int) -> None:
        """Changes the version of a state file that no process uses."""
        with contextlib.closing(sqlite3.connect(self.path(folder) / "magwatt.sqlite")) as db:
            db.execute(f"pragma user_version = {version}")


def processor_s() -> float:
    """Processor time of all commands that have ended, with what they started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wait_until(is_true: Callable[[], object], limit_s: float, what: str) -> None:
    deadline_s = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < deadline_s, f"not within {limit_s:.0f} s: {what}"
        time.sleep(0.2)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a started command and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
