"""Builds the container image from the Debian package for this machine's architecture (make container).

    python -m deploy.container.build [--base IMAGE]

It installs the package of Debian 13 and writes the image as one file into dist/, for `podman load` or `docker load`.
Without --base the image is built on a new root file system of Debian, so that no registry is needed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.debian.build import version_of
from deploy.debian.targets import PACKAGE, RELEASES, ROOT, Target

FOLDER = Path(__file__).parent
WORK = ROOT / "build" / "container"
RELEASE = RELEASES["deb13"]
# Root of a container may not raise the limits of the process that starts it, which is what buildah and podman try.
LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", metavar="IMAGE", help="image of Debian 13, such as debian:trixie-slim")
    parser.add_argument("--package", type=Path, help="a package that was built before")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for the root file system of Debian")
    given = parser.parse_args()
    package = (given.package or built_package(given.output)).resolve()
    given.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.work) as name:
        buildah = Buildah(Path(name))
        try:
            base = given.base or new_base(buildah, given.work)
            made = given.output / file_name(package)
            build(buildah, base, package, made)
        finally:
            buildah.run("rmi", "--all", "--force")
    print(f"{made}: {made.stat().st_size / 1e6:.0f} MB", flush=True)


class Buildah:
    """Runs buildah with its images in a folder of their own; it needs no service."""

    def __init__(self, folder: Path) -> None:
        self._storage = ("--storage-driver", "vfs", "--root", str(folder / "images"), "--runroot", str(folder / "run"))

    def run(self, *arguments: str) -> str:
        """The standard output of a command that must succeed."""
        done = subprocess.run(
            ["buildah", *self._storage, *arguments], stdout=subprocess.PIPE, text=True, check=True,
            env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
        )  # fmt: skip
        return done.stdout.strip()


def image_name(version: str) -> str:
    return f"localhost/{PACKAGE}:{version}"


def file_name(package: Path) -> str:
    """Of the image: magwatt_1.0.0-1~deb13u1_amd64.container.tar."""
    return f"{package.stem}.container.tar"


def machine_arch() -> str:
    done = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def built_package(output: Path) -> Path:
    target = Target(RELEASE, machine_arch())
    command = [sys.executable, "-m", "deploy.debian.build", target.name, "--output", str(output)]
    subprocess.run(command, cwd=ROOT, check=True)
    return output / target.file_name(version_of(ROOT))


def new_base(buildah: Buildah, work: Path) -> str:
    """An image of a new minimal Debian. Its root file system is kept for the next time."""
    archive = work / f"base-{RELEASE.codename}.tar"
    if not archive.exists():
        partial = archive.with_suffix(".partial.tar")
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", RELEASE.codename, str(partial)], check=True)
        partial.rename(archive)
    container = buildah.run("from", "scratch")
    buildah.run("add", "--quiet", container, str(archive), "/")
    name = f"localhost/debian:{RELEASE.codename}"
    buildah.run("commit", "--quiet", "--rm", container, name)
    return name


def build(buildah: Buildah, base: str, package: Path, made: Path) -> None:
    """Builds the image on `base` and writes it into the file `made`."""
    name = image_name(version_of(ROOT))
    with tempfile.TemporaryDirectory(dir=made.parent) as context:
        shutil.copy(package, context)
        buildah.run(
            "build", "--quiet", "--format", "docker", *LIMITS, "--layers=false", "--build-arg", f"BASE={base}",
            "--file", str(FOLDER / "Containerfile"), "--tag", name, context,
        )  # fmt: skip
    made.unlink(missing_ok=True)
    buildah.run("push", "--quiet", name, f"docker-archive:{made}:{name}")


if __name__ == "__main__":
    main()
