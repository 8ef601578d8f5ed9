"""The Debian releases and architectures for which packages are built, and the names of the packages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
PACKAGE = "magwatt"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}  # Debian's architecture → that of wheels
# The oldest C library of a release decides which wheels it can load; 2.36 in Debian 12, 2.41 in Debian 13.
GLIBC_MINORS = (5, 12, 17, 24, 26, 27, 28, 31, 34)


@dataclass(frozen=True)
class Release:
    """codename: of Debian. python: version of its /usr/bin/python3, to which the package is tied."""

    name: str
    codename: str
    python: str


RELEASES = {
    "deb12": Release("deb12", "bookworm", "3.11"),
    "deb13": Release("deb13", "trixie", "3.13"),
}


@dataclass(frozen=True)
class Target:
    release: Release
    arch: str

    @property
    def name(self) -> str:
        return f"{self.release.name}-{self.arch}"

    @property
    def lock(self) -> Path:
        """Versions and hashes of all wheels in the package."""
        return FOLDER / "locks" / f"{self.name}.txt"

    @property
    def platforms(self) -> tuple[str, ...]:
        """Platform tags of wheels that run there."""
        machine = MACHINES[self.arch]
        return *(f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS), f"manylinux2014_{machine}"

    def version(self, upstream: str) -> str:
        """Version of the package. `~` sorts before everything, so that a release upgrade brings a later version."""
        return f"{upstream}-1~{self.release.name}u1"

    def file_name(self, upstream: str) -> str:
        return f"{PACKAGE}_{self.version(upstream)}_{self.arch}.deb"


TARGETS = tuple(Target(release, arch) for release in RELEASES.values() for arch in MACHINES)


def wanted(names: list[str]) -> tuple[Target, ...]:
    """Targets by name, such as deb13-amd64, deb13 or amd64; all without a name. Raises ValueError."""
    found = tuple(
        target for target in TARGETS if not names or {target.name, target.release.name, target.arch} & set(names)
    )
    known = {name for target in TARGETS for name in (target.name, target.release.name, target.arch)}
    if unknown := sorted(set(names) - known):
        raise ValueError(f"unknown target: {', '.join(unknown)}; expected some of {', '.join(sorted(known))}")
    return found
