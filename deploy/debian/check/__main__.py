"""Installs, upgrades, interrupts, downgrades, removes and purges the package in a new Debian, as root (make deb-check).

    python -m deploy.debian.check [--release deb13] [--previous COMMIT]

The previous version is built from an earlier commit, with the same packaging. systemd is replaced by a script that
starts and stops the service as its unit does. Each step needs the ones before it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from deploy.debian.build import WORK
from deploy.debian.check import installation, upgrades
from deploy.debian.check.chroot import Chroot
from deploy.debian.check.packages import built
from deploy.debian.targets import RELEASES, ROOT, Target

STEPS = (*installation.STEPS, *upgrades.STEPS, installation.lintian)
INSIDE = "MAGWATT_CHECK_INSIDE"  # set in the namespaces of the check


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", choices=sorted(RELEASES), default="deb13")
    parser.add_argument("--previous", default="HEAD~20", metavar="COMMIT", help="commit of the previous version")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--keep-packages", action="store_true", help="use the packages of the last check")
    given = parser.parse_args()
    if os.environ.get(INSIDE) is None:
        # Of its own: mounts, so that none is left over, and processes, which all end with this one.
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-m",
                   "deploy.debian.check", *sys.argv[1:]]  # fmt: skip
        sys.exit(subprocess.run(command, env={**os.environ, INSIDE: "1"}, cwd=ROOT).returncode)
    started_s = time.monotonic()
    target = Target(RELEASES[given.release], "amd64")
    packages = built(target, given.previous, given.work, given.keep_packages)
    chroot = Chroot(target.release.codename, given.work)
    print(f"{time.monotonic() - started_s:6.1f} s  packages and root file system", flush=True)
    for step in STEPS:
        began_s = time.monotonic()
        result = step(chroot, packages) or ""
        print(f"{time.monotonic() - began_s:6.1f} s  {step.__doc__} {result}".rstrip(), flush=True)
    print(f"{len(STEPS)} passed, 0 failed in {time.monotonic() - started_s:.0f} s")


if __name__ == "__main__":
    main()
