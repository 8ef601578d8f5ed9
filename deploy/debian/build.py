"""Builds Debian packages for any architecture on this machine, without running what it packs.

    python -m deploy.debian.build [TARGET…]      # make deb: deb12-amd64, deb13, arm64 …; all without one

The same source, lock files and tools give the same bytes: all times are that of the last commit (SOURCE_DATE_EPOCH).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.debian import control, files, program
from deploy.debian.targets import ROOT, Target, wanted

WORK = ROOT / "build" / "deb"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="release, architecture, or both")
    parser.add_argument("--source", type=Path, default=ROOT, help="source of the program, if not this one")
    parser.add_argument("--version", help="upstream version in the name of the package, if not that of the source")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for wheels and trees")
    given = parser.parse_args()
    try:
        targets = wanted(given.targets)
    except ValueError as error:
        parser.error(str(error))
    if missing := sorted({item.release.python for item in targets if program.interpreter(item) is None}):
        sys.exit(f"missing: python{', python'.join(missing)}, whose byte code the package contains")
    source = given.source.resolve()
    epoch_s = source_date_s(source)
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch_s)
    wheel = program.build_wheel(source, given.work / "program")
    for target in targets:
        made = build(target, source, wheel, given.version or version_of(source), epoch_s, given.work, given.output)
        print(f"{made}: {made.stat().st_size / 1e6:.1f} MB", flush=True)


def build(
    target: Target, source: Path, wheel: Path, upstream: str, epoch_s: int, work: Path, output: Path
) -> Path:  # fmt: skip
    """Builds one package into `output`; returns its path."""
    wheels = program.download(target, work / "wheels" / target.name)
    tree = work / "trees" / target.name
    shutil.rmtree(tree, ignore_errors=True)
    site = program.lay(target, wheels, wheel, tree)
    program.compile_byte_code(target, site)
    files.lay(target, source, site, tree, upstream, epoch_s)
    unify(tree, epoch_s)
    control.write(target, tree, upstream)
    unify(tree / "DEBIAN", epoch_s)
    output.mkdir(parents=True, exist_ok=True)
    made = output / target.file_name(upstream)
    pack(tree, made, epoch_s)
    shutil.rmtree(tree)
    return made


def pack(tree: Path, made: Path, epoch_s: int) -> None:
    """Packs `tree`, whose modes and times are unified; equal trees give equal files."""
    # One thread: with several, zstd divides its input. Level 12: 15 takes five times as long and saves 1 %.
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z12", "--threads-max=1", "--build", str(tree), str(made)],
        check=True, stdout=subprocess.DEVNULL, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch_s)},
    )  # fmt: skip


def unify(tree: Path, epoch_s: int) -> None:
    """Modes and times that depend neither on this machine nor on the wheels."""
    for path in sorted(tree.rglob("*"), reverse=True):
        if not path.is_symlink():
            runs = path.is_dir() or (path.parent.name in ("bin", "DEBIAN") and path.stat().st_mode & 0o100)
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (epoch_s, epoch_s), follow_symlinks=False)
    tree.chmod(0o755)
    os.utime(tree, (epoch_s, epoch_s))


def source_date_s(source: Path) -> int:
    """SOURCE_DATE_EPOCH, else the time of the last commit, else that of the changelog: seconds since 1970."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    if (source / ".git").exists():
        done = subprocess.run(
            ["git", "log", "-1", "--format=%ct"], cwd=source, capture_output=True, text=True, check=True
        )
        return int(done.stdout)
    return int((source / "CHANGELOG.md").stat().st_mtime)


def version_of(source: Path) -> str:
    text = (source / "agent" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^VERSION = "(.+)"$', text, re.MULTILINE)
    assert found, "agent/__init__.py names the version"
    return found[1]


if __name__ == "__main__":
    main()
