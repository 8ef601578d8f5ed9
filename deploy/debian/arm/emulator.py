"""An arm64 root file system with the package in it, whose programs an emulator runs; needs no binfmt."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from zlib import crc32

from deploy.debian.targets import PACKAGE, Target

# qemu's default processor has SVE, with which OpenBLAS computes wrong products; that of a Raspberry Pi 5 has none.
PROCESSOR = "cortex-a76"
PYTHON = f"/opt/{PACKAGE}/bin/python"
_BASE = ("base-files", "dash")  # links such as /lib -> usr/lib; /bin/sh


class Emulator:
    """root: the file system, which is created here and contains only what the package depends on.

    shared: folder with the same path inside, also for temporary files. proot looks for other files here when a program
    asks whether it may read them (faccessat2).
    """

    def __init__(self, target: Target, package: Path, work: Path) -> None:
        names = ",".join((*_BASE, *depends(package)))
        base = work / f"base-{target.name}-{crc32(names.encode()):08x}.tar"
        if not base.exists():
            partial = base.with_suffix(".partial.tar")
            # No script of a package is run: the emulator is not registered with the kernel.
            command = [
                "mmdebstrap", "--quiet", f"--arch={target.arch}", "--variant=extract", "--skip=check/qemu",
                f"--include={names}", target.release.codename, str(partial),
            ]  # fmt: skip
            subprocess.run(command, check=True)
            partial.rename(base)
        self.root = work / "arm"
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        subprocess.run(["tar", "-xf", str(base), "-C", str(self.root), "--exclude=./dev/*"], check=True)
        subprocess.run(["dpkg-deb", "--extract", str(package), str(self.root)], check=True)
        for name in ("bin", "lib", "sbin"):  # links that a script of base-files makes
            if not (self.root / name).exists():
                (self.root / name).symlink_to(f"usr/{name}")
        self.shared = work / "arm-shared"
        shutil.rmtree(self.shared, ignore_errors=True)
        self.shared.mkdir()
        for name in ("root", "tmp", "proc", "dev"):
            (self.root / name).mkdir(exist_ok=True)

    def run(self, *command: str, limit_s: float) -> str:
        """Output of a command that must succeed."""
        status, output = self.command(*command, limit_s=limit_s)
        assert status == 0, f"{' '.join(command)}: exit status {status}\n{output}"
        return output

    def command(self, *command: str, limit_s: float, processor: str = PROCESSOR) -> tuple[int, str]:
        """Exit status and output of a command."""
        done = subprocess.run(
            self._emulated(processor, *command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=limit_s,
        )  # fmt: skip
        return done.returncode, done.stdout

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """A command that continues to run; its group ends it and what it started."""
        return subprocess.Popen(
            self._emulated(PROCESSOR, *command, **environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def _emulated(self, processor: str, *command: str, **environment: str) -> list[str]:
        variables = {
            "QEMU_CPU": processor, "PATH": "/usr/bin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
            "OPENBLAS_NUM_THREADS": "1", "TMPDIR": str(self.shared), **environment,
        }  # fmt: skip
        proot = [
            "/usr/bin/proot", "-q", "/usr/bin/qemu-aarch64-static", "-0", "-r", str(self.root),
            "-b", "/proc", "-b", "/dev", "-b", str(self.shared), "-w", "/root",
        ]  # fmt: skip
        return ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in variables.items()), *proot, *command]


def depends(package: Path) -> list[str]:
    """Names of the packages that the package depends on: of alternatives the last, without versions."""
    field = ["dpkg-deb", "--field", str(package), "Depends"]
    found = subprocess.run(field, check=True, capture_output=True, text=True).stdout
    return sorted({re.split(r"[ (:]", item.split("|")[-1].strip())[0] for item in found.split(",")})
