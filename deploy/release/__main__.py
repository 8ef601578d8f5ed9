"""Makes all files of a release in a folder: packages, wheel, sdist, an SBOM of each package, notes, SHA256SUMS.

    python -m deploy.release [TARGET…]       # make release: deb12-amd64, deb13, arm64 …; all without one

The version is that of agent/__init__.py. All files must be committed, and CHANGELOG.md must have its section.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from deploy.debian import build
from deploy.debian.targets import PACKAGE, ROOT, wanted
from deploy.release import sbom
from deploy.release.checksums import CHECKSUMS, write_checksums
from deploy.release.notes import NotesError, release_notes

NOTES = "NOTES.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="release, architecture, or both")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--work", type=Path, default=build.WORK, help="folder for wheels and trees")
    given = parser.parse_args()
    try:
        targets = wanted(given.targets)
    except ValueError as error:
        parser.error(str(error))
    output, version = given.output.resolve(), build.version_of(ROOT)
    try:
        notes = release_notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    except NotesError as error:
        sys.exit(str(error))
    if changed := _output("git", "status", "--porcelain"):
        sys.exit(f"not committed:\n{changed}")
    if output.exists() and any(output.iterdir()):
        sys.exit(f"{output} is not empty: it may contain files of another version")
    epoch_s = build.source_date_s(ROOT)
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch_s)
    command = [sys.executable, "-m", "deploy.debian.build", "--output", str(output), "--work", str(given.work)]
    subprocess.run([*command, *(target.name for target in targets)], cwd=ROOT, check=True)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--directory", str(output)], cwd=ROOT, check=True)
    for target in targets:
        wheels = given.work / "wheels" / target.name
        bom = sbom.bom_of(target, version, wheels, ROOT, epoch_s)
        (output / f"{target.file_name(version)}.cdx.json").write_text(sbom.as_json(bom), encoding="utf-8")
    (output / NOTES).write_text(notes, encoding="utf-8")
    write_checksums(output)
    for path in sorted(output.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
    print(f"{PACKAGE} {version}: check with `sha256sum --check {CHECKSUMS}`")


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
