"""The vendored libraries of the page are the files of their packages, unchanged: the table of hashes is complete."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

FOLDER = Path(__file__).parents[4] / "agent" / "web" / "static" / "vendor"
ROW = re.compile(r"^\| (?P<file>[\w.-]+) \|.*\| (?P<sha256>[0-9a-f]{64}) \|$", re.MULTILINE)


def test_each_vendored_file_has_the_hash_of_the_table() -> None:
    stated = {row["file"]: row["sha256"] for row in ROW.finditer((FOLDER / "README.md").read_text(encoding="utf-8"))}
    files = [path for path in FOLDER.iterdir() if path.name != "README.md" and not path.name.startswith("LICENSE.")]
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files} == stated


def test_each_package_has_its_licence() -> None:
    packages = {path.name.partition(".")[0].partition("-")[0] for path in FOLDER.iterdir() if path.suffix != ".md"}
    licences = {path.suffix.removeprefix(".") for path in FOLDER.glob("LICENSE.*")}
    assert licences == packages - {"LICENSE"}
