"""`magwatt init` on the devices of the simulated noisy line, on virtual time: what is typed, and what is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result
from support.virtual_line import VirtualLine, listening, on_virtual_time

from agent.cli import main
from agent.cli.scan_view import ProgressLines
from agent.commissioning.discovery.scan import Scan
from agent.commissioning.discovery.scan_result import ScanOptions, ScanProgress, ScanResult, Target
from drivers.reading import Clock
from simulators.scenarios.noisy_line import DRIVES, METERS, NoisyLine

METER_DATA = ("0.5", "3P4W", "150/5", "0.5", "direct", "meter")
CAGE = ("induction", "55", "400", "100.2", "50", "1475", "0.86", "IE1", "")
MAGNET = ("pm", "55", "372", "99.6", "100", "1500", "0.89", "IE5", "")
GATEWAY = ("bench", "laptop", "Europe/Berlin", "state", "mqtt://127.0.0.1:18830", "")
MODELS = ("siemens/pac2200", "yaskawa/ga800", "delta/c2000")
DEVICES = (
    *("motor", *METER_DATA), *("drive-input", "meter-11"), *("motor", "meter-11"), *("drive-input", "meter-11"),
    *("not used", "meter-12"), *("not used", "meter-14"),
)  # fmt: skip
MOTORS = ("pump-1", "pump-3", "pump-2", "pump-4", *CAGE, "pump-1", *MAGNET, "pump-2")


def typed(port: str, zone: str = "Europe/Berlin") -> tuple[str, ...]:
    """The answers of an operator who has noted the unit identifiers, but not the serial settings."""
    site, gateway, _, *broker = GATEWAY
    scan = (port, "", "yes", "yes", "11-14,31,32", "yes")
    return (site, gateway, zone, *broker, *scan, *MODELS, "", *DEVICES, *MOTORS)


def noisy_line() -> VirtualLine:
    """The devices of the noisy line without the faults of its cable."""
    plant = NoisyLine(Random(7))
    plant.step(5.0)
    devices = {plant.served(item): item.turnaround_s for item in (*METERS, *DRIVES)}
    return VirtualLine(devices, 38400, "N")


def scan_on(line: VirtualLine, shown: ScanProgress | None = None) -> Callable[[Target, ScanOptions], ScanResult]:
    """Replaces the scan of a port by one of this line. shown: receives its progress; None: lines in the terminal."""

    def scan(target: Target, options: ScanOptions) -> ScanResult:
        async def scene(clock: Clock) -> ScanResult:
            progress = shown or ProgressLines(lambda: clock.monotonic_ns() / 1e9)
            return await Scan(target, options, progress, clock, line.link, listening(clock)).run()  # type: ignore[arg-type]

        return on_virtual_time(scene)

    return scan


def session(
    monkeypatch: pytest.MonkeyPatch,
    file: Path,
    lines: Sequence[str],
    *options: str,
    line: VirtualLine | None = None,
    absent: Sequence[str] = (),
) -> Result:
    """Runs the command; the input ends after the lines, as if Ctrl-D was typed. absent: ports it lacks."""
    monkeypatch.setattr("agent.cli.init_dialogue.scan_bus", scan_on(line or noisy_line()))
    monkeypatch.setattr("agent.cli.init_surroundings.has_port", lambda name: name not in absent)
    return CliRunner().invoke(main, [*options, "init", str(file)], input="".join(f"{text}\n" for text in lines))
