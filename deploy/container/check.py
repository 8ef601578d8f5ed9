"""Runs the image as its quadlet does, next to a simulated plant, as root (make container-check).

    python -m deploy.container.check [IMAGE_FILE]

podman's own generator makes the command from magwatt.container. Containers, images and volumes are in a folder that is
deleted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.container.build import FOLDER, LIMITS, RELEASE, WORK, file_name, image_name, machine_arch
from deploy.debian.build import version_of
from deploy.debian.targets import PACKAGE, ROOT, Target

GENERATOR = "/usr/libexec/podman/quadlet"
# Of the generated command: what needs the systemd that starts it.
OF_SYSTEMD = re.compile(r"--(cidfile|sdnotify|cgroups)=")
PORTS = ("/dev/ttyUSB0", "/dev/ttyUSB1")
KERNELS_S = 600.0
WRITABLE = {"/tmp", "/var/tmp", "/run/lock", "/var/lib/magwatt", "/var/cache/magwatt"}


def main() -> None:
    target = Target(RELEASE, machine_arch())
    default = ROOT / "dist" / file_name(Path(target.file_name(version_of(ROOT))))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", nargs="?", type=Path, default=default, metavar="IMAGE_FILE")
    given = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(dir=WORK) as name, plant(Path(name)) as config:
        podman = Podman(Path(name))
        podman.run("load", "--quiet", "--input", str(given.image))
        try:
            for step in STEPS:
                step_s = time.monotonic()
                try:
                    result = step(podman, config) or ""
                except AssertionError:
                    print(podman.command("logs", PACKAGE)[1], file=sys.stderr)
                    raise
                print(f"{time.monotonic() - step_s:6.1f} s  {step.__doc__} {result}".rstrip(), flush=True)
        finally:
            podman.command("system", "reset", "--force")
    print(f"{len(STEPS)} passed, 0 failed in {time.monotonic() - began_s:.0f} s")


class Podman:
    """Containers in a folder of their own. runc and cgroupfs: also without systemd, and with older control groups."""

    def __init__(self, folder: Path) -> None:
        self._options = (
            "--storage-driver", "vfs", "--root", str(folder / "images"), "--runroot", str(folder / "run"),
            "--runtime", "runc", "--cgroup-manager", "cgroupfs",
        )  # fmt: skip

    def command(self, *arguments: str, stdin: str = "") -> tuple[int, str]:
        """Exit status and output."""
        done = subprocess.run(
            ["podman", *self._options, *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=300,
            env={**os.environ, "PODMAN_IGNORE_CGROUPSV1_WARNING": "1", "DISABLE_HC_SYSTEMD": "true"},
        )  # fmt: skip
        return done.returncode, done.stdout

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Output of a command that must succeed."""
        status, output = self.command(*arguments, stdin=stdin)
        assert status == 0, f"podman {' '.join(arguments)}: exit status {status}\n{output}"
        return output

    def healthy(self) -> bool:
        """As podman asks it in the interval of the health check."""
        return self.command("healthcheck", "run", PACKAGE)[0] == 0


@contextlib.contextmanager
def plant(folder: Path) -> Iterator[Path]:
    """A simulated plant with a serial bus and a waveform; yields its configuration."""
    config = folder / "plant.toml"
    command = [sys.executable, "-m", "agent.cli", "simulate", "pump-station", "--write-config", str(config)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        wait_until(config.exists, 30, "the plant is served")
        yield config
    finally:
        process.terminate()
        process.wait(30)


def quadlet_options() -> list[str]:
    """Options of `podman run` that podman makes from the quadlet."""
    done = subprocess.run(
        [GENERATOR, "-dryrun"], env={**os.environ, "QUADLET_UNIT_DIRS": str(FOLDER)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (line,) = re.findall(r"^ExecStart=(.*)$", done.stdout, re.MULTILINE)
    words = shlex.split(line)
    assert (words[1], words[-1]) == ("run", image_name(version_of(ROOT))), line
    return [word for word in words[2:-1] if not OF_SYSTEMD.match(word)]


def ports(config: Path) -> tuple[str, list[str]]:
    """The configuration with the names of ports on a gateway, and the options that give the container these ports.

    The simulated ports are pseudo-terminals, which need a bind mount; a real one needs --device.
    """
    text = config.read_text(encoding="utf-8").replace('state_dir = "state"', 'state_dir = "/var/lib/magwatt"')
    options = []
    for found, name in zip(re.findall(r'^serial = "(.+)"$', text, re.MULTILINE), PORTS, strict=True):
        text = text.replace(found, name)
        port = Path(found).resolve()
        shutil.chown(port, group="dialout")
        port.chmod(0o660)
        options += ["--volume", f"{port}:{name}:dev"]
    return text, options


def start(podman: Podman, config: Path) -> None:
    """It starts as the quadlet says; read-only, without root, with two serial ports."""
    text, devices = ports(config)
    volume = next(option for option in quadlet_options() if option.endswith(":/etc/magwatt:ro")).removesuffix(":ro")
    podman.run(
        "run", "--rm", "--interactive", "--user", "0", *LIMITS, "--network", "host", "--volume", volume,
        "--entrypoint", "tee", image_name(version_of(ROOT)), "/etc/magwatt/plant.toml", stdin=text,
    )  # fmt: skip
    podman.run("run", *quadlet_options(), *LIMITS, "--network", "host", *devices, image_name(version_of(ROOT)))


def becomes_healthy(podman: Podman, _config: Path) -> str:
    """The health check finds rows, while the kernels are compiled for this processor."""
    began_s = time.monotonic()
    wait_until(podman.healthy, 60, "the health check finds rows")
    healthy_s = time.monotonic() - began_s
    wait_until(lambda: "kernels are compiled" in podman.run("logs", PACKAGE), KERNELS_S, "the kernels are compiled")
    assert podman.healthy()
    return f"(rows after {healthy_s:.0f} s, kernels after {time.monotonic() - began_s:.0f} s)"


def writes_to_volumes_only(podman: Podman, _config: Path) -> None:
    """Its account is not root, has no capability, and can write to state, cache and temporary folders only."""
    assert inside(podman, "id -u; id -Gn").split() == ["8470", "magwatt", "dialout"]
    found = inside(
        podman, f"find {' '.join(WRITABLE)} / -xdev -type d -writable 2>/dev/null | sort -u || true"
    ).splitlines()
    top = [path for path in found if not any(path.startswith(f"{other}/") for other in found)]
    # `find` asks for permissions, which says nothing of a read-only file system.
    script = "".join(f"touch {path}/t 2>/dev/null && rm {path}/t && echo {path}\n" for path in top)
    assert set(inside(podman, f"{script}true").split()) == WRITABLE
    status = inside(podman, "cat /proc/1/status")
    assert re.search(r"^CapBnd:\s0+$", status, re.MULTILINE), status
    assert re.search(r"^NoNewPrivs:\s1$", status, re.MULTILINE), status


def health_follows_the_agent(podman: Podman, _config: Path) -> None:
    """The health check fails while the agent is stopped, and passes when it continues."""
    podman.run("kill", "--signal", "STOP", PACKAGE)
    assert not podman.healthy()
    podman.run("kill", "--signal", "CONT", PACKAGE)
    wait_until(podman.healthy, 20, "the health check finds rows again")


def keeps_its_state(podman: Podman, _config: Path) -> None:
    """It ends in order; a new container continues with the state, key and kernels of the volumes."""
    key = inside(podman, "cat /var/lib/magwatt/ledger.key")
    command = json.loads(podman.run("inspect", "--format", "{{json .Config.CreateCommand}}", PACKAGE))
    assert "SIGKILL" not in podman.run("stop", PACKAGE)
    podman.run(*command[command.index("run") :])
    wait_until(podman.healthy, 60, "the health check finds rows")
    assert inside(podman, "cat /var/lib/magwatt/ledger.key") == key
    log = podman.run("logs", PACKAGE)
    assert "waveforms wait for the kernels" not in log, log


def inside(podman: Podman, script: str) -> str:
    return podman.run("exec", PACKAGE, "sh", "-c", script)


def wait_until(is_true: Callable[[], object], limit_s: float, what: str) -> None:
    deadline_s = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < deadline_s, f"not within {limit_s:.0f} s: {what}"
        time.sleep(1.0)


STEPS: tuple[Callable[[Podman, Path], str | None], ...] = (
    start, becomes_healthy, writes_to_volumes_only, health_follows_the_agent, keeps_its_state,
)  # fmt: skip

if __name__ == "__main__":
    main()
