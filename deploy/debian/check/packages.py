"""The packages of the previous and of this version, which a check installs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from deploy.debian.build import version_of
from deploy.debian.targets import ROOT, Target


class Packages(NamedTuple):
    old: Path
    old_version: str
    new: Path
    new_version: str


def built(target: Target, previous: str, work: Path, keep: bool) -> Packages:
    """previous: commit of the previous version. keep: use the packages of the last check."""
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
