"""Runs the arm64 package in an emulator (make arm-check): all that depends neither on speed nor on real ports.

    python -m deploy.debian.arm [--package FILE] [--all-kernels]

The messages of an hour of plant and agent must equal those of this machine to the last digit. An emulated processor is
about twenty times slower than this one.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.debian.arm.emulator import PYTHON, Emulator
from deploy.debian.build import WORK, version_of
from deploy.debian.targets import PACKAGE, RELEASES, ROOT, Target

COMMAND = f"/usr/bin/{PACKAGE}"
EXAMPLES = f"usr/share/doc/{PACKAGE}/examples"
RIGHT = "from agent.core.linear_algebra import check_linear_algebra as check; check(); print('right')"
# A kernel, compiled for the processor, must give the peaks of its rows.
KERNEL = """
import numpy as np
from dsp.segment import peaks
x, out = np.arange(60.0).reshape(6, 10) * (-1.0) ** np.arange(10), np.zeros(6)
peaks(x, 0, 9, out)
assert out.tolist() == [9.0, 19.0, 29.0, 39.0, 49.0, 59.0], out
print(len(peaks.signatures), "compiled")
"""
LOAD = """
from agent.core import kernel_cache
kernel_cache.only_load()
kernel_cache.prepare()
kernel_cache.check_loading()
print(len(kernel_cache.image()), "bytes")
"""
FUNCTIONS = 1  # after which the compilation is ended
MOTORS = 2  # of which the demo publishes rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", choices=sorted(RELEASES), default="deb13")
    parser.add_argument("--package", type=Path, help="package to run, if not that of `make deb` in dist/")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--all-kernels", action="store_true", help="compile all kernels: four minutes more")
    given = parser.parse_args()
    started_s = time.monotonic()
    target = Target(RELEASES[given.release], "arm64")
    package = given.package or ROOT / "dist" / target.file_name(version_of(ROOT))
    if not package.exists():
        sys.exit(f"{package} is missing: run `make deb TARGETS={target.name}`")
    arm = Emulator(target, package, given.work.resolve())
    print(f"{time.monotonic() - started_s:6.1f} s  root file system of {package.name}", flush=True)
    for step in (*STEPS, all_kernels) if given.all_kernels else STEPS:
        began_s = time.monotonic()
        result = step(arm) or ""
        print(f"{time.monotonic() - began_s:6.1f} s  {step.__doc__} {result}".rstrip(), flush=True)
    print(f"all passed in {time.monotonic() - started_s:.0f} s")


def version(arm: Emulator) -> None:
    """--version;"""
    assert arm.run(COMMAND, "--version", limit_s=120).split()[-1] == version_of(ROOT)


def check(arm: Emulator) -> None:
    """check accepts the example configurations;"""
    for name in ("meter", "drive"):
        example = Path(shutil.copy(arm.root / EXAMPLES / f"{name}.toml", arm.shared))
        output = arm.run(COMMAND, "check", str(example), limit_s=180)
        assert "1 meter" in output or "1 motor" in output, output


def profiles(arm: Emulator) -> None:
    """profiles are those of this machine;"""
    assert arm.run(COMMAND, "profiles", limit_s=180) == here("profiles")


def linear_algebra(arm: Emulator) -> str:
    """the linear algebra is right; with qemu's default processor:"""
    assert arm.run(PYTHON, "-P", "-c", RIGHT, limit_s=180) == "right\n"
    status, output = arm.command(PYTHON, "-P", "-c", RIGHT, limit_s=180, processor="max")
    assert status == 0 or "LinearAlgebraError" in output, output
    return "right" if status == 0 else "wrong, and refused"


def one_kernel(arm: Emulator) -> str:
    """a kernel is compiled and right:"""
    return arm.run(PYTHON, "-P", "-c", KERNEL, limit_s=300).strip()


def compilation(arm: Emulator) -> str:
    """compile reports its progress; ended after"""
    process = arm.start(COMMAND, "compile")

    def enough(line: str) -> bool:
        found = re.search(r"(\d+) of \d+", line)
        return found is not None and int(found[1]) >= FUNCTIONS

    return watch(process, enough, 300)


def hour(arm: Emulator) -> str:
    """an hour of plant and agent publishes what it publishes on this machine:"""
    given = ("simulate", "pump-life", "--time-factor", "10000", "--seconds", "3600", "--output")
    there, mine = arm.shared / "there.ndjson", arm.shared / "here.ndjson"
    arm.run(COMMAND, *given, str(there), limit_s=600)
    here(*given, str(mine))
    messages = there.read_bytes()
    assert messages == mine.read_bytes(), f"{there} and {mine} differ"
    energies = messages.count(b'"energy_import_kwh"')
    assert energies > 50, energies
    return f"{energies} energies of the meter in {len(messages) / 1e3:.0f} kB"


def demo(arm: Emulator) -> str:
    """the demo publishes rows, here without kernels; the last line:"""
    motors: set[str] = set()

    def enough(line: str) -> bool:
        if "  simulated  " in line:
            motors.add(line.split()[0])
        return len(motors) >= MOTORS

    options = ("--headless", "--no-past", "--fault", "none", "--seconds", "400")
    return watch(arm.start(COMMAND, "demo", *options, NUMBA_CACHE_DIR="/dev/null/none"), enough, 500)


def all_kernels(arm: Emulator) -> str:
    """all kernels are compiled and loaded:"""
    arm.run(COMMAND, "compile", limit_s=3600)
    return arm.run(PYTHON, "-P", "-c", LOAD, limit_s=180).strip()


STEPS = (version, check, profiles, linear_algebra, one_kernel, compilation, hour, demo)


def here(*arguments: str) -> str:
    """Output of a command of the program on this machine."""
    code = "from agent.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    command = [str(ROOT / ".venv/bin/python"), "-c", code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=300).stdout


def watch(process: subprocess.Popen[str], is_enough: Callable[[str], bool], limit_s: float) -> str:
    """Reads the output of a process until `is_enough` is true of a line, ends the process and returns the line."""
    assert process.stdout is not None
    lines: list[str] = []
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGTERM))
    signal.alarm(round(limit_s))
    try:
        for line in process.stdout:
            lines.append(line)
            if is_enough(line):
                return line.strip()
        raise AssertionError("it ended too early:\n" + "".join(lines))
    finally:
        signal.alarm(0)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
