"""`magwatt simulate`: serves a plant of simulators/ and writes the configuration that fits it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from agent.clock import SystemClock
from simulators import scenarios
from simulators.clock import SPEED_MAX, FastClock
from simulators.endpoints import Endpoints
from simulators.scenarios import Scenario, bench
from simulators.serve import serve

PERIODS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
LINE = "19200 8E1"
SPEED_HIGHEST = 1e6
FAULT_S = 20.0  # after the start, where nothing is said


def list_scenarios(about: bool = False) -> list[str]:
    names = scenarios.names()
    if not about:
        return list(names)
    width = max(map(len, names))
    return [f"{name:{width}}  {scenarios.load(name).about}" for name in names]


def check_speed(speed: float, seconds: float | None, kept: Path | None, scenario: Scenario) -> bool:
    """Whether the agent runs with the plant in this process, without wires. kept: where its results should go. Raises
    ValueError: one line."""
    if not 1 <= speed <= SPEED_HIGHEST:
        raise ValueError(f"--time-factor {speed:g}: must be between 1 and {SPEED_HIGHEST:g}")
    if speed <= SPEED_MAX:
        if kept is not None:
            raise ValueError(f"--output and --state-dir are only valid with a --time-factor above {SPEED_MAX:g}")
        return False
    if seconds is None and scenario.life is None:
        raise ValueError(f"--time-factor {speed:g}: above {SPEED_MAX:g} --seconds is required")
    return True


def scenario_of(name: str, with_plc: bool) -> Scenario:
    """Raises ValueError: one line that names what is wrong."""
    scenario = scenarios.load(name)
    if not with_plc:
        return scenario
    if scenario.with_plc is None:
        raise ValueError(f"{name}: has no line for a PLC; leave --plc out")
    return scenario.with_plc


def fault_of(scenario: Scenario, text: str) -> tuple[str, float]:
    """A fault's name and when it happens, from "dip" or "dip@30". Raises ValueError."""
    name, _, seconds = text.partition("@")
    if name not in scenario.faults:
        known = ", ".join(scenario.faults) or "none"
        raise ValueError(f"--fault {text}: {scenario.name} has no such fault; there is {known}")
    try:
        at_s = float(seconds) if seconds else FAULT_S
    except ValueError:
        at_s = -1.0
    if not 0 <= at_s < 1e8:
        raise ValueError(f"--fault {text}: behind the @ stand the seconds after the start")
    return name, at_s


def cannot_write(path: Path) -> str:
    """Why nothing can be written to `path`; empty when it can. Nothing new stays behind."""
    if path.is_dir():
        return "is a folder; name a file in it"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    try:
        if path.exists():
            path.open("ab").close()
        unfinished = _unfinished(path)
        unfinished.open("wb").close()
        unfinished.unlink()
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    return ""


def serve_scenario(
    scenario: Scenario,
    truth: Path | None,
    config_file: Path | None,
    broker: str,
    seed: int,
    seconds: float | None,
    text_of: Callable[[Endpoints], str] | None = None,
    fault: tuple[str, float] | None = None,
    speed: float = 1.0,
    print_config: bool = False,
) -> None:
    """Serves until SIGTERM, Ctrl-C or `seconds`; the configuration file appears when the plant can be polled.

    text_of: the configuration, where it is not just the scenario's own. speed: seconds of plant in one of the clock's;
    print_config: the configuration alone goes to standard output, ready for the agent. Raises OSError when a port or a
    file cannot be had.
    """

    def ready(endpoints: Endpoints) -> None:
        text = text_of(endpoints) if text_of else scenario.config_toml(endpoints, broker, "state")
        if config_file is not None:
            unfinished = _unfinished(config_file)
            try:
                unfinished.write_text(text, encoding="utf-8")
                unfinished.replace(config_file)  # whoever waits for the file never sees half of it
            finally:
                unfinished.unlink(missing_ok=True)
        if print_config:
            click.echo(text)
            return
        click.echo("\n  ".join((f"{scenario.name}: {endpoints}", *scenario.devices)))
        if config_file is not None:
            click.echo(f"try: magwatt read {config_file}   or: magwatt run {config_file}")

    async def until_stopped() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if seconds is not None:
            loop.call_later(seconds, stop.set)
        clock = FastClock(SystemClock(), speed) if speed > 1 else SystemClock()
        await serve(
            scenario, clock=clock, seed=seed, truth=truth, fault=fault, waveforms=speed <= 1, on_ready=ready, stop=stop
        )

    asyncio.run(until_stopped())


def serve_devices(
    texts: Sequence[str],
    port: int | None,
    line: str,
    truth: Path | None,
    config_file: Path | None,
    broker: str,
    seed: int,
    seconds: float | None,
) -> None:
    """Virtual devices, PROFILE[@UNIT] each, on a TCP port, or on a serial line where `port` is None; as above.

    Raises ValueError, too: one line that names what is wrong with a device or the line.
    """
    devices = bench.wanted(texts)
    line = _checked_line(line) if port is None else ""

    def scenario(every_s: float) -> Scenario:
        return bench.scenario(devices, seed, port=port or 0, line=line, every_s=every_s)

    def text_of(endpoints: Endpoints) -> str:
        """With the shortest period that fits the wire."""
        if config_file is None:
            return scenario(PERIODS_S[0]).config_toml(endpoints, broker, "state")
        for every_s in PERIODS_S:
            text = scenario(every_s).config_toml(endpoints, broker, "state")
            if _fits(text, config_file):
                break
        return text

    serve_scenario(scenario(PERIODS_S[0]), truth, config_file, broker, seed, seconds, text_of)


def _checked_line(line: str) -> str:
    from agent import config_keys as keys

    try:
        keys.BUS["line"].convert(line)
    except ValueError as error:
        raise ValueError(f"--line {line}: {error}") from None
    return bench.check_line(line)


def _fits(text: str, config_file: Path) -> bool:
    from agent.config_load import load_config
    from agent.plan import plan

    unfinished = _unfinished(config_file)
    try:
        unfinished.write_text(text, encoding="utf-8")
        return not any(bus.problems for bus in plan(load_config(unfinished)[0]))
    finally:
        unfinished.unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")
