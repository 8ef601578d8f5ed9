"""Steps with a running service: refused and complete upgrades, a downgrade, an interruption, removal and purge."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from deploy.debian.check.chroot import CONFIG, Chroot, end, wait_until
from deploy.debian.check.packages import Packages

LATER = 99  # version of the state file of a later program
REFUSED = "nothing has changed, and a running service continues to measure"
INTERRUPTION_MAX_S = 10.0  # of the measurement by an upgrade


def previous_version_measures(chroot: Chroot, packages: Packages) -> str:
    """with a configuration that is there already, an installation measures before it has compiled: first row after"""
    chroot.run("mkdir", "/etc/magwatt", "/srv/plant")
    subprocess.run(["dpkg-deb", "--extract", str(packages.old), str(chroot.path("srv/plant"))], check=True)
    written = chroot.path("srv/written.toml")
    chroot.start(
        "/srv/plant/opt/magwatt/bin/python", "-P", "-c", "from agent.cli import main; main()", "simulate", "--device",
        "eastron/sdm630", "--tcp", str(_free_port()), "--kw", "90", "--rpm", "1490",
        "--write-config", "/srv/written.toml",
        log="run/plant.log",
    )  # fmt: skip
    wait_until(written.exists, 60, "the plant is served")
    text = written.read_text().replace('state_dir = "state"', 'state_dir = "/var/lib/magwatt"')
    chroot.path(CONFIG).write_text(text)
    began_ms = time.time_ns() // 1_000_000
    status, output = chroot.install(packages.old)
    seconds = time.time() - began_ms / 1000
    assert status == 0, output
    wait_until(lambda: _rows(chroot) > 5, 60, "rows")
    return f"{(chroot.row_times_ms()[0] - began_ms) / 1000:.0f} s of {seconds:.0f} s"


def broken_configuration(chroot: Chroot, packages: Packages) -> None:
    """with a configuration that the new version rejects, the upgrade is refused and the old version measures on;"""
    good = chroot.path(CONFIG).read_text()
    with chroot.path(CONFIG).open("a") as file:
        file.write("\n[motor.broken]\nrated_kw = nonsense\n")
    _refused(chroot, packages, "plant.toml", REFUSED)
    chroot.path(CONFIG).write_text(good)


def later_state(chroot: Chroot, packages: Packages) -> None:
    """with the state of a later version, the upgrade is refused and the old version measures on;"""
    _refused_with_later_state(chroot, packages)


def full_disk(chroot: Chroot, packages: Packages) -> None:
    """on a full disk the upgrade is refused and the old version measures on;"""
    for place, size in (("var/backups", "64k"), ("var/tmp", "4m")):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(chroot.path(place))], check=True)
        _refused(chroot, packages, "space" if place == "var/tmp" else "backed up", REFUSED)
        subprocess.run(["umount", str(chroot.path(place))], check=True)
    with _small(chroot, "opt", "400m"):
        _refused(chroot, packages, "/opt has", REFUSED)
    documents = "usr/share/doc/magwatt"  # unpacked after /opt
    with _small(chroot, documents, f"{_kilobytes(chroot.path(documents)) * 5 // 4}k"):  # not twice
        _refused(chroot, packages, "No space left")
    chroot.run("dpkg", "--verify", "magwatt")


def upgrade(chroot: Chroot, packages: Packages) -> str:
    """an upgrade backs up the state and interrupts the measurement for at most ten seconds:"""
    pid, began_ms = chroot.service_pid(), time.time_ns() // 1_000_000
    status, output = chroot.install(packages.new)
    ended_ms = time.time_ns() // 1_000_000
    assert status == 0, output
    assert chroot.version() == f"ii {packages.new_version}"
    assert chroot.service_pid() not in (pid, None), output
    assert _backup(chroot, packages).stat().st_mode & 0o777 == stat.S_IRUSR | stat.S_IWUSR
    wait_until(lambda: chroot.row_times_ms()[-1] > ended_ms, 60, "rows of the new version")
    times = [t_ms for t_ms in chroot.row_times_ms() if t_ms >= began_ms - 2000]
    gap_s = max(after - before for before, after in pairwise(times)) / 1000
    assert gap_s <= INTERRUPTION_MAX_S, f"{gap_s} s without a row"
    assert not list(chroot.path("var/tmp").glob("magwatt.*")), "the unpacked package was removed"
    return f"{gap_s:.1f} s without a row; {(ended_ms - began_ms) / 1000:.0f} s in all"


def downgrade(chroot: Chroot, packages: Packages) -> None:
    """a downgrade is refused while the service measures; stopped, it works with `magwatt restore`;"""
    _refused_with_later_state(
        chroot, Packages(packages.new, packages.new_version, packages.old, packages.old_version)
    )  # fmt: skip
    chroot.run("systemctl", "stop", "magwatt.service")
    chroot.set_state_version("var/lib/magwatt", LATER)
    status, output = chroot.install(packages.old)
    assert status == 0, output
    assert "magwatt restore" in output, output
    assert chroot.service_pid() is None
    backup = _backup(chroot, packages)
    chroot.run("magwatt", "restore", f"/{backup.relative_to(chroot.root)}")
    chroot.run("systemctl", "start", "magwatt.service")
    began_ms = time.time_ns() // 1_000_000
    wait_until(lambda: chroot.row_times_ms()[-1] > began_ms, 60, "rows of the old version")


def killed(chroot: Chroot, packages: Packages) -> None:
    """after a kill while the kernels compile the old version measures on, and `dpkg --configure -a` completes it;"""
    pid = chroot.service_pid()
    for cache in chroot.path("var/cache/magwatt").rglob("*.o"):
        cache.unlink()  # so that compiling takes time
    dpkg = chroot.start("dpkg", "--install", f"/tmp/{packages.new.name}", log="run/dpkg.log")
    wait_until(lambda: _compiling(), 240, "compilation: " + chroot.path("run/dpkg.log").read_text())
    os.killpg(dpkg.pid, signal.SIGKILL)
    dpkg.wait(30)
    end(dpkg)
    assert chroot.version().startswith("iF"), chroot.version()  # half-configured
    assert chroot.service_pid() == pid
    chroot.run("dpkg", "--configure", "-a", limit_s=900)
    assert chroot.version() == f"ii {packages.new_version}"
    assert chroot.service_pid() not in (pid, None)


def without_time(chroot: Chroot, packages: Packages) -> None:
    """with a clock that shows 1970 the upgrade is complete, its backup is kept, and the rows continue in time;"""
    kept = [chroot.path(f"var/backups/magwatt/before-earlier-{number}.tar") for number in range(3)]
    later_s = time.time() + 86400.0  # than all that is written in 1970: the clock of the disk cannot be changed here
    for file in kept:
        file.touch()
        os.utime(file, (later_s, later_s))
    pid, began_ms = chroot.service_pid(), chroot.row_times_ms()[-1]
    status, output = chroot.install(packages.new, **chroot.clock_in_1970())
    assert status == 0, output
    assert chroot.service_pid() not in (pid, None)
    wait_until(lambda: chroot.row_times_ms()[-1] > began_ms + 5000, 60, "rows of the new version")
    assert list(chroot.path("var/backups/magwatt").glob(f"before-{packages.new_version}-19700101T*.tar"))
    assert sum(file.exists() for file in kept) == 2
    assert chroot.row_times_ms()[-1] < 1000 * (time.time() + 5)  # it does not lead


def remove(chroot: Chroot, _packages: Packages) -> None:
    """a removal stops the service and keeps configuration and state;"""
    chroot.run("dpkg", "--remove", "magwatt")
    assert chroot.service_pid() is None
    assert not chroot.path("opt/magwatt").exists()
    assert chroot.path(CONFIG).exists()
    assert chroot.path("var/lib/magwatt/magwatt.sqlite").exists()


def purge(chroot: Chroot, _packages: Packages) -> None:
    """a purge keeps ledger and key in /var/backups, and says so."""
    key = chroot.path("var/lib/magwatt/ledger.key")
    had = key.read_bytes() if key.exists() else None
    output = chroot.run("dpkg", "--purge", "magwatt")
    (kept,) = chroot.path("var/backups/magwatt").glob("purged-*")
    assert f"/{kept.relative_to(chroot.root)}" in output, output
    assert (kept / "state" / "magwatt.sqlite").stat().st_size > 0
    assert had is None or (kept / "state" / "ledger.key").read_bytes() == had
    assert (kept / "plant.toml").exists()
    assert not chroot.path("etc/magwatt").exists()
    assert not chroot.path("var/lib/magwatt").exists()


def _refused(chroot: Chroot, packages: Packages, *said: str) -> None:
    """The new package is not installed, the message says why, and the service continues as the same process."""
    pid, rows = chroot.service_pid(), _rows(chroot)
    status, output = chroot.install(packages.new)
    assert status != 0, output
    assert all(text in output for text in said), output
    assert chroot.version() == f"ii {packages.old_version}"
    assert pid is not None
    assert chroot.service_pid() == pid
    wait_until(lambda: _rows(chroot) > rows, 30, "more rows")


def _refused_with_later_state(chroot: Chroot, packages: Packages) -> None:
    """The state is another file than that of the running service, which a change of its version would disturb."""
    good = chroot.path(CONFIG).read_text()
    chroot.run("install", "--directory", "--owner=magwatt", "/var/lib/later")
    chroot.set_state_version("var/lib/later", LATER)
    chroot.path(CONFIG).write_text(good.replace("/var/lib/magwatt", "/var/lib/later"))
    _refused(chroot, packages, "systemctl stop magwatt", REFUSED)
    chroot.path(CONFIG).write_text(good)


@contextlib.contextmanager
def _small(chroot: Chroot, place: str, size: str) -> Iterator[None]:
    """A folder, with what is in it, on a disk of its own of that size."""
    folder, other = str(chroot.path(place)), str(chroot.path("mnt"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", other], check=True)
    subprocess.run(["cp", "-a", f"{folder}/.", other], check=True)
    subprocess.run(["mount", "--bind", other, folder], check=True)
    yield
    subprocess.run(["umount", folder, other], check=True)


def _kilobytes(folder: Path) -> int:
    """What the folder takes on a disk with blocks of 4 kB."""
    return sum(4 * -(-place.lstat().st_size // 4096) or 4 for place in (folder, *folder.rglob("*")))


def _backup(chroot: Chroot, packages: Packages) -> Path:
    """The newest one before the new version."""
    return max(chroot.path("var/backups/magwatt").glob(f"before-{packages.new_version}-*.tar"))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _rows(chroot: Chroot) -> int:
    try:
        return len(chroot.row_times_ms())
    except Exception:
        return 0


def _compiling() -> bool:
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"compile_here" in process.read_bytes():
                return True
        except OSError:
            continue
    return False


STEPS = (previous_version_measures, broken_configuration, later_state, full_disk, upgrade, downgrade, killed,
         without_time, remove, purge)  # fmt: skip
