"""The parts of `make release`: notes, checksums and what a package contains. The target itself validates the SBOM."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.command_line import invoke

from agent import VERSION
from deploy.debian.targets import ROOT, TARGETS, Target
from deploy.release.checksums import CHECKSUMS, write_checksums
from deploy.release.locked import read_lock, wheel_hashes
from deploy.release.notes import NotesError, release_notes

CHANGELOG = """\
# Changelog

## [Unreleased]
- not yet

## [1.2.0] - 2026-11-29
### Added
- `[1.1.0]` is read, too.

## [1.2.0-rc.1] - 2026-11-20
- a candidate

## [1.1.0]
- without a date

## [1.0.0] - 2026-01-01

"""


def test_the_notes_are_the_section_of_the_version() -> None:
    assert release_notes(CHANGELOG, "1.2.0") == "# magwatt 1.2.0\n\n### Added\n- `[1.1.0]` is read, too.\n"
    assert release_notes(CHANGELOG, "1.2.0-rc.1") == "# magwatt 1.2.0-rc.1\n\n- a candidate\n"


@pytest.mark.parametrize(
    ("version", "named"),
    [
        ("1.3.0", "1.3.0"),  # no section
        ("1.1.0", "date"),
        ("1.0.0", "empty"),
        ("Unreleased", "semantic"),
        ("1.2", "semantic"),
        ("01.2.0", "semantic"),  # semantic versioning 2.0.0, clause 2: no leading zeros
    ],
)
def test_a_version_without_complete_notes_is_not_released(version: str, named: str) -> None:
    with pytest.raises(NotesError, match=named):
        release_notes(CHANGELOG, version)


def test_the_present_version_can_be_released() -> None:
    assert release_notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), VERSION)


@pytest.mark.text
def test_the_command_prints_the_newest_version_of_the_change_log() -> None:
    """Also from a source tree that was updated after its installation, whose metadata have the earlier version."""
    newest = re.search(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert invoke("--version").stdout == f"magwatt, version {newest[1]}\n"


def test_two_sections_of_a_version_are_an_error() -> None:
    with pytest.raises(NotesError, match="2 sections"):
        release_notes(CHANGELOG + "## [1.2.0] - 2026-11-30\n- again\n", "1.2.0")


def test_sha256sum_accepts_the_checksums_and_notices_a_change(tmp_path: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum")
    (tmp_path / "magwatt_1.2.0-1~deb13u1_amd64.deb").write_bytes(b"x" * 100_000)
    (tmp_path / "NOTES.md").write_bytes(b"")
    (tmp_path / CHECKSUMS).write_text("of an earlier run\n")
    write_checksums(tmp_path)
    check = ["sha256sum", "--check", "--strict", CHECKSUMS]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2
    (tmp_path / "NOTES.md").write_bytes(b"y")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 1


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_requirement_of_a_lock_is_read(target: Target) -> None:
    text = target.lock.read_text(encoding="utf-8")
    found = read_lock(text)
    assert len(found) == text.count("==")
    assert sum(len(item.sha256) for item in found) == text.count("--hash=sha256:")


def test_a_requirement_without_a_hash_is_an_error() -> None:
    with pytest.raises(ValueError, match="two"):
        read_lock(f"one==1.0 \\\n    --hash=sha256:{'0' * 64}\ntwo==2.0\n")


def test_the_hash_of_a_package_is_that_of_its_only_file(tmp_path: Path) -> None:
    """A folder of wheels may contain files of earlier locks; it must contain exactly one of this one."""
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("x86", "arm", "earlier")}
    locked = read_lock(f"one==1.0 \\\n --hash=sha256:{digests['x86']} \\\n --hash=sha256:{digests['arm']}\n")
    (tmp_path / "one-0.9.whl").write_text("earlier")
    with pytest.raises(ValueError, match="0 files of one"):
        wheel_hashes(locked, tmp_path)
    (tmp_path / "one-1.0-x86.whl").write_text("x86")
    assert wheel_hashes(locked, tmp_path) == {"one": digests["x86"]}
    (tmp_path / "one-1.0-arm.whl").write_text("arm")
    with pytest.raises(ValueError, match="2 files of one"):
        wheel_hashes(locked, tmp_path)
