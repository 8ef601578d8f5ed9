"""Writes the lock files: versions and hashes of all wheels in a package, one file for each release and architecture.

python -m deploy.debian.lock            # make deb-lock: the newest versions that pyproject.toml allows
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from deploy.debian.targets import FOLDER, MACHINES, ROOT, TARGETS, Target

EXTRA = "gateway"  # of pyproject.toml: what the package contains
TOOLS = FOLDER / "tools.in"  # of the build itself
HEAD = "# Written by `make deb-lock`; not edited by hand.\n"


def main() -> None:
    for target in TARGETS:
        print(target.lock.relative_to(ROOT), flush=True)
        write(target)
    tools = TOOLS.with_suffix(".txt")
    print(tools.relative_to(ROOT), flush=True)
    _compile(tools, str(TOOLS), "--universal", "--python-version", "3.11")


def write(target: Target) -> None:
    _compile(
        target.lock, "pyproject.toml", "--extra", EXTRA, "--python-version", target.release.python,
        "--python-platform", f"{MACHINES[target.arch]}-manylinux_2_28", "--only-binary", ":all:",
    )  # fmt: skip


def _compile(lock: Path, *arguments: str) -> None:
    command = [
        sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--upgrade", "--generate-hashes", "--no-header",
        "--no-annotate", "--no-emit-index-url", "--output-file", str(lock), *arguments,
    ]  # fmt: skip
    environment = {"SSL_CERT_FILE": os.environ["PIP_CERT"]} if os.environ.get("PIP_CERT") else {}
    subprocess.run(command, check=True, cwd=ROOT, env={**environment, **os.environ})
    lock.write_text(HEAD + lock.read_text(encoding="utf-8"), encoding="utf-8")


if __name__ == "__main__":
    main()
