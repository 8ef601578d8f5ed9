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

from deploy.debian.build import WORK, version_of
from deploy.debian.check.chroot import Chroot
from deploy.debian.check.steps import STEPS, Packages
from deploy.debian.targets import RELEASES, ROOT, Target

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


def built(target: Target, previous: str, work: Path, keep: bool) -> Packages:
    """The packages of the previous and of this version."""
    output, version = work / "check", version_of(ROOT)
    old_version = f"{version}~previous"
    found = Packages(output / target.file_name(old_version), target.version(old_version),
                     output / target.file_name(version), target.version(version))  # fmt: skip
    if keep and found.old.exists() and found.new.exists():
        return found
    source = work / "previous"
    subprocess.run(["rm", "-rf", str(source)], check=True)
    source.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", previous], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(source)], input=archive, check=True)
    build = [sys.executable, "-m", "deploy.debian.build", target.name, "--work", str(work), "--output", str(output)]
    subprocess.run([*build, "--source", str(source), "--version", old_version], cwd=ROOT, check=True)
    subprocess.run(build, cwd=ROOT, check=True)
    return found


if __name__ == "__main__":
    main()
