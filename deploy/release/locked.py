"""What a lock file names, and which wheel of it is in a package."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deploy.release.checksums import sha256_of

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")


@dataclass(frozen=True)
class Locked:
    """A pinned package. sha256: of each file that the lock permits."""

    name: str
    version: str
    sha256: frozenset[str]


def read_lock(text: str) -> list[Locked]:
    """The pinned packages of a lock file, in its order. Raises ValueError for a requirement without version or hash."""
    found = []
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for requirement in re.split(r"\n(?=\S)", "\n".join(lines)):
        pin, hashes = PIN.match(requirement), frozenset(HASH.findall(requirement))
        if pin is None or not hashes:
            raise ValueError(f"neither version nor hash: {requirement[:80]}")
        found.append(Locked(pin["name"], pin["version"], hashes))
    return found


def wheel_hashes(locked: list[Locked], wheels: Path) -> dict[str, str]:
    """Name of each package → SHA-256 of its file in the folder. Raises ValueError unless there is exactly one."""
    present = {sha256_of(path) for path in wheels.iterdir() if path.is_file()}
    used = {}
    for item in locked:
        if len(known := sorted(present & item.sha256)) != 1:
            raise ValueError(f"{wheels}: {len(known)} files of {item.name} {item.version}, expected one")
        used[item.name] = known[0]
    return used
