"""The steps of the check, in order: each leaves the file system as the next one needs it."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from deploy.debian.check.chroot import CONFIG, Chroot, end, wait_until

LATER = 99  # version of the state file of a later program
INTERRUPTION_MAX_S = 10.0  # of the measurement by an upgrade


class Packages(NamedTuple):
    old: Path
    old_version: str
    new: Path
    new_version: str


def lintian(_chroot: Chroot, packages: Packages) -> str:
    """lintian finds no error outside the named list;"""
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error", str(packages.new)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return f"{done.stdout.count(chr(10))} warnings"


def sizes(_chroot: Chroot, packages: Packages) -> str:
    """the package has at most 85 MB, installed 310 MB:"""
    fields = subprocess.run(
        ["dpkg-deb", "--field", str(packages.new), "Installed-Size"], capture_output=True, text=True, check=True
    )
    file_mb, installed_mb = packages.new.stat().st_size / 1e6, int(fields.stdout) * 1024 / 1e6
    assert file_mb <= 85, file_mb
    assert installed_mb <= 310, installed_mb
    return f"{file_mb:.1f} MB, {installed_mb:.0f} MB"


def fresh_install(chroot: Chroot, packages: Packages) -> str:
    """a first installation makes account and folders, compiles the kernels, and waits for a configuration;"""
    began_s = time.monotonic()
    status, output = chroot.install(packages.new)
    seconds = time.monotonic() - began_s
    assert status == 0, output
    assert "kernels compiled" in output, output
    assert "dialout" in chroot.run("id", "magwatt")
    owners = chroot.run("stat", "--format", "%a %U:%G %n", "/etc/magwatt", "/etc/magwatt/secrets", "/var/lib/magwatt",
                        "/var/cache/magwatt", "/opt/magwatt/bin/magwatt")  # fmt: skip
    assert owners.splitlines() == [
        "750 root:magwatt /etc/magwatt", "750 magwatt:magwatt /etc/magwatt/secrets",
        "750 magwatt:magwatt /var/lib/magwatt", "700 magwatt:magwatt /var/cache/magwatt",
        "755 root:root /opt/magwatt/bin/magwatt",
    ], owners  # fmt: skip
    assert chroot.path("etc/systemd/system/multi-user.target.wants/magwatt.service").is_symlink(), "enabled"
    assert not chroot.path("etc/systemd/system/multi-user.target.wants/magwatt-web.service").is_symlink()
    assert chroot.run("dpkg-query", "--show", "--showformat", "${Conffiles}", "magwatt") == ""
    assert chroot.service_pid() is None, "no configuration"
    chroot.run("dpkg", "--verify", "magwatt")
    return f"{seconds:.0f} s"


def commands(chroot: Chroot, _packages: Packages) -> None:
    """its commands work: --version, profiles, check;"""
    assert "magwatt, version" in chroot.run("magwatt", "--version")
    assert "acs880" in chroot.run("magwatt", "profiles")
    status, output = chroot.command("magwatt", "check", "/usr/share/doc/magwatt/examples/meter.toml")
    assert status in (0, 1), output
    assert "1 meter" in output, output
    for name in ("man/man1/magwatt.1.gz", "bash-completion/completions/magwatt", "zsh/vendor-completions/_magwatt",
                 "doc/magwatt/copyright", "doc/magwatt/changelog.Debian.gz"):  # fmt: skip
        assert chroot.path(f"usr/share/{name}").stat().st_size > 0


def units(chroot: Chroot, _packages: Packages) -> None:
    """systemd accepts the units;"""
    for name in ("magwatt", "magwatt-web"):
        output = chroot.run("/usr/bin/systemd-analyze", "verify", "--man=no", f"/usr/lib/systemd/system/{name}.service")
        assert f"{name}.service" not in output, output


def demo(chroot: Chroot, _packages: Packages) -> str:
    """the demo publishes rows;"""
    output = chroot.run(
        "setpriv", "--reuid=magwatt", "--regid=magwatt", "--init-groups", "env", "HOME=/tmp",
        "CACHE_DIRECTORY=/var/cache/magwatt", "magwatt", "demo", "--headless", "--no-past", "--seconds", "20",
    )  # fmt: skip
    last = output.splitlines()[-1]
    assert re.fullmatch(r"[1-9]\d* rows? from [1-9] motors?", last), output
    return last


def removed_without_state(chroot: Chroot, _packages: Packages) -> None:
    """a purge without measured data leaves nothing;"""
    chroot.run("dpkg", "--purge", "magwatt")
    for name in ("opt/magwatt", "etc/magwatt", "var/lib/magwatt", "var/cache/magwatt", "usr/bin/magwatt",
                 "etc/systemd/system/multi-user.target.wants/magwatt.service"):  # fmt: skip
        assert not os.path.lexists(chroot.path(name)), name


def previous_version_measures(chroot: Chroot, packages: Packages) -> str:
    """the previous version measures a simulated plant;"""
    status, output = chroot.install(packages.old)
    assert status == 0, output
    chroot.run("dpkg-deb", "--extract", f"/tmp/{packages.old.name}", "/srv/plant")  # not replaced by the upgrade
    chroot.start(
        "setpriv", "--reuid=magwatt", "--regid=magwatt", "--init-groups", "env", "HOME=/tmp",
        "/srv/plant/opt/magwatt/bin/python", "-P", "-c", "from agent.cli import main; main()", "simulate", "--device",
        "eastron/sdm630", "--tcp", "15020", "--kw", "90", "--rpm", "1490", "--write-config",
        "/var/lib/magwatt/written.toml",
        log="run/plant.log",
    )  # fmt: skip
    written = chroot.path("var/lib/magwatt/written.toml")
    wait_until(written.exists, 60, "the plant is served")
    text = written.read_text().replace('state_dir = "state"', 'state_dir = "/var/lib/magwatt"')
    chroot.path(CONFIG).write_text(text)
    chroot.run("chown", "root:magwatt", f"/{CONFIG}")
    chroot.path(CONFIG).chmod(0o640)
    chroot.run("systemctl", "start", "magwatt.service")
    wait_until(lambda: _rows(chroot) > 5, 60, "rows")
    return f"{_rows(chroot)} rows"


def broken_configuration(chroot: Chroot, packages: Packages) -> None:
    """with a configuration that the new version rejects, the upgrade is refused and the old version measures on;"""
    good = chroot.path(CONFIG).read_text()
    with chroot.path(CONFIG).open("a") as file:
        file.write("\n[motor.broken]\nrated_kw = nonsense\n")
    _refused(chroot, packages, "plant.toml")
    chroot.path(CONFIG).write_text(good)


def later_state(chroot: Chroot, packages: Packages) -> None:
    """with the state of a later version, the upgrade is refused and the old version measures on;"""
    _refused_with_later_state(chroot, packages)


def full_disk(chroot: Chroot, packages: Packages) -> None:
    """on a full disk the upgrade is refused and the old version measures on;"""
    for place, size in (("var/backups", "64k"), ("var/tmp", "4m")):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(chroot.path(place))], check=True)
        _refused(chroot, packages, "space" if place == "var/tmp" else "backed up")
        subprocess.run(["umount", str(chroot.path(place))], check=True)
    opt = str(chroot.path("opt"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(chroot.path("mnt"))], check=True)
    subprocess.run(["cp", "-a", f"{opt}/.", str(chroot.path("mnt"))], check=True)
    subprocess.run(["mount", "--bind", str(chroot.path("mnt")), opt], check=True)
    _refused(chroot, packages, "/opt has")
    subprocess.run(["umount", opt], check=True)
    subprocess.run(["umount", str(chroot.path("mnt"))], check=True)


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


STEPS = (sizes, fresh_install, commands, units, demo, removed_without_state, previous_version_measures,
         broken_configuration, later_state, full_disk, upgrade, downgrade, killed, remove, purge, lintian)  # fmt: skip


def _refused(chroot: Chroot, packages: Packages, reason: str) -> None:
    """The new package is not installed, the message says why, and the service continues as the same process."""
    pid, rows = chroot.service_pid(), _rows(chroot)
    status, output = chroot.install(packages.new)
    assert status != 0, output
    assert reason in output, output
    assert "continues to measure" in output, output
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
    _refused(chroot, packages, "systemctl stop magwatt")
    chroot.path(CONFIG).write_text(good)


def _backup(chroot: Chroot, packages: Packages) -> Path:
    (found,) = chroot.path("var/backups/magwatt").glob(f"before-{packages.new_version}-*.tar")
    return found


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
