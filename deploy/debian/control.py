"""The control part of a package: its fields, checksums and maintainer scripts."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from deploy.debian.files import MAINTAINER
from deploy.debian.targets import FOLDER, PACKAGE, Target

SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
# numpy and llvmlite need the C++ and OpenMP libraries, which a small system lacks.
CONTROL = """\
Package: {package}
Version: {version}
Architecture: {arch}
Maintainer: {maintainer}
Installed-Size: {installed_kib}
Depends: python{python}, libc6 (>= 2.34), libstdc++6, libgcc-s1, libgomp1, zlib1g, tzdata, procps, \
systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles, init-system-helpers (>= 1.54~)
Recommends: time-daemon
Suggests: mosquitto, bash-completion
Section: science
Priority: optional
Description: efficiency of motors on variable-frequency drives, and energy saved
 magwatt measures the efficiency of motors on variable-frequency drives
 continuously, at the motor and with its uncertainty, and calculates the
 energy saved by a retrofit. It polls drives and power meters over Modbus,
 samples waveforms where they are available, computes efficiency and
 harmonics, and publishes the results over MQTT. It is read-only: it contains
 no function that writes to a device.
 .
 The package contains the agent, the page of the plant, and all that they
 need besides Python. The service starts when /etc/magwatt/plant.toml exists.
"""


def write(target: Target, tree: Path, upstream: str) -> None:
    """Writes the folder DEBIAN of `tree`, whose other files are complete. There are no conffiles."""
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    folder = tree / "DEBIAN"
    folder.mkdir()
    (folder / "control").write_text(control(target, upstream, installed_kib(tree)))
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n" for path in files]
    (folder / "md5sums").write_text("".join(sums))
    for name in SCRIPTS:
        shutil.copyfile(FOLDER / "scripts" / name, folder / name)
        (folder / name).chmod(0o755)


def control(target: Target, upstream: str, installed_kib: int) -> str:
    return CONTROL.format(
        package=PACKAGE, version=target.version(upstream), arch=target.arch, maintainer=MAINTAINER,
        installed_kib=installed_kib, python=target.release.python,
    )  # fmt: skip


def installed_kib(tree: Path) -> int:
    """As dpkg counts: each file in whole KiB, each folder and link one."""
    return sum(-(-path.lstat().st_size // 1024) if path.is_file() and not path.is_symlink() else 1
               for path in tree.rglob("*"))  # fmt: skip
