"""Steps of a first installation: the package itself, its files and commands, the service, and a purge."""

from __future__ import annotations

import os
import re
import subprocess
import time

from deploy.debian.check.chroot import CONFIG, Chroot, processor_s, wait_until
from deploy.debian.check.packages import Packages

INSTALLED_MAX_S = 50.0  # of processor, which does not depend on what else runs; the goal is a minute, with the start
ANSWERS = "/usr/share/doc/magwatt/examples/drive.answers.toml"


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
    began_s, used_s = time.monotonic(), processor_s()
    status, output = chroot.install(packages.new)
    seconds, used_s = time.monotonic() - began_s, processor_s() - used_s
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
    for name in ("magwatt-web", "magwatt-modbus"):
        assert not chroot.path(f"etc/systemd/system/multi-user.target.wants/{name}.service").is_symlink(), name
    assert chroot.run("dpkg-query", "--show", "--showformat", "${Conffiles}", "magwatt") == ""
    assert chroot.service_pid() is None, "no configuration"
    chroot.run("dpkg", "--verify", "magwatt")
    assert used_s <= INSTALLED_MAX_S, used_s
    return f"{seconds:.0f} s, {used_s:.0f} s of processor"


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


def starter(chroot: Chroot, _packages: Packages) -> str:
    """the answers of an example become a configuration, with which the service starts;"""
    began_s = time.monotonic()
    status, output = chroot.command("magwatt", "init", f"/{CONFIG}", "--answers", ANSWERS)
    assert status in (0, 1), output  # 1: findings, because the devices of the example are not there
    chroot.run("systemctl", "start", "magwatt.service")
    log = chroot.path("run/magwatt.log")
    wait_until(lambda: "polling" in log.read_text(), 60, "the service polls")
    seconds = time.monotonic() - began_s
    chroot.run("systemctl", "stop", "magwatt.service")
    chroot.run("sh", "-c", f"rm -r /var/lib/magwatt/* /{CONFIG}")
    return f"{seconds:.1f} s"


def units(chroot: Chroot, _packages: Packages) -> None:
    """systemd accepts the units;"""
    for name in ("magwatt", "magwatt-web", "magwatt-modbus"):
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


STEPS = (sizes, fresh_install, commands, starter, units, demo, removed_without_state)
