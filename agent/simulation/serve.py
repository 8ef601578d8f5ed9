"""`magwatt simulate`: serve a plant of simulators/ and write the matching configuration."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

from agent.core.clock import SystemClock
from agent.core.text import _
from agent.core.text import text_of as text_of_reason
from agent.simulation import reasons as codes
from drivers.file_reasons import FILE_UNWRITABLE, OUTPUT_FOLDER_MISSING, PATH_IS_FOLDER
from drivers.reasons import InvalidValue, Reason, cause_of
from simulators import scenarios
from simulators.clock import SPEED_MAX, FastClock
from simulators.endpoints import Endpoints
from simulators.scenarios import PlannedFault, Scenario, bench
from simulators.scenarios.bench_motor import BenchMotor
from simulators.serve import serve

print_line = partial(print, flush=True)

PERIODS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
LINE = "19200 8E1"
TIME_FACTOR_MAX = 1e6
FAULT_S = 20.0  # default time of a fault after the start


def list_scenarios(about: bool = False) -> list[str]:
    """The names of the scenarios, with about: with their descriptions."""
    names = scenarios.names()
    if not about:
        return list(names)
    width = max(map(len, names))
    return [f"{name:{width}}  {_(scenarios.load(name).about)}" for name in names]


def is_accelerated(time_factor: float, seconds: float | None, output: Path | None, scenario: Scenario) -> bool:
    """Whether the agent runs with the plant in this process, without buses.

    seconds: duration of the run. None: not specified.
    output: file or folder for the results, which only an accelerated run has. None: not specified.
    Raises InvalidValue if these options exclude each other.
    """
    if not 1 <= time_factor <= TIME_FACTOR_MAX:
        raise InvalidValue(codes.TIME_FACTOR_OUT_OF_RANGE, value=time_factor, low=1.0, high=TIME_FACTOR_MAX)
    if time_factor <= SPEED_MAX:
        if output is not None:
            raise InvalidValue(codes.NOT_ACCELERATED, limit=SPEED_MAX)
        return False
    if seconds is None and scenario.life is None:
        raise InvalidValue(codes.DURATION_MISSING, value=time_factor, limit=SPEED_MAX)
    return True


def scenario_of(name: str, with_plc: bool) -> Scenario:
    """A scenario by name or file. Raises ValueError if it does not exist, is invalid, or has no bus for a PLC."""
    scenario = scenarios.load(name)
    if not with_plc:
        return scenario
    if scenario.with_plc is None:
        raise InvalidValue(codes.SCENARIO_WITHOUT_PLC, scenario=name)
    return scenario.with_plc


def fault_of(scenario: Scenario, text: str) -> PlannedFault:
    """The fault of a text such as "dip", "dip@30" or "dry-run@30-120:pump-2". Raises InvalidValue."""
    when, __, motor = text.partition(":")
    name, __, seconds = when.partition("@")
    if not scenario.faults:
        raise InvalidValue(codes.SCENARIO_WITHOUT_FAULTS, value=text, scenario=scenario.name)
    if name not in scenario.faults:
        raise InvalidValue(codes.FAULT_UNKNOWN, value=text, scenario=scenario.name, known=tuple(scenario.faults))
    known = scenario.faults[name]
    if motor and not known:
        raise InvalidValue(codes.FAULT_WITHOUT_MOTOR, value=text, fault=name)
    if motor and motor not in known:
        raise InvalidValue(codes.FAULT_MOTOR_UNKNOWN, value=text, fault=name, known=known)
    begin, __, end = seconds.partition("-")
    try:
        at_s = float(begin) if begin else FAULT_S
        to_s = float(end) if end else None
    except ValueError:
        at_s, to_s = -1.0, None
    if not 0 <= at_s < (1e8 if to_s is None else to_s) <= 1e8:
        raise InvalidValue(codes.FAULT_TIME_INVALID, value=text, example=f"{name}@30-120")
    return PlannedFault(name, at_s, to_s, motor)


def cannot_write(path: Path) -> Reason | None:
    """Why no file can be written to this path; None if it can. The check leaves no new file."""
    if path.is_dir():
        return PATH_IS_FOLDER(path=str(path))
    if not path.parent.is_dir():
        return OUTPUT_FOLDER_MISSING(path=str(path), folder=str(path.parent))
    try:
        if path.exists():
            path.open("ab").close()
        unfinished = _unfinished(path)
        unfinished.open("wb").close()
        unfinished.unlink()
    except OSError as error:
        return FILE_UNWRITABLE(path=str(path), error=cause_of(error))
    return None


def serve_scenario(
    scenario: Scenario,
    truth: Path | None,
    config_file: Path | None,
    broker: str,
    seed: int,
    seconds: float | None,
    text_of: Callable[[Endpoints], str] | None = None,
    fault: PlannedFault | None = None,
    time_factor: float = 1.0,
    age_s: float = 0.0,
    print_config: bool = False,
) -> None:
    """Serves a plant until SIGTERM, Ctrl-C or `seconds`.

    truth: file for the true values, NDJSON. None: not written.
    config_file: file for the configuration; it is written when the plant can be polled. None: not written.
    broker: URL of the broker in the configuration.
    text_of: returns the configuration for the endpoints. None: that of the scenario.
    fault: None: no fault.
    time_factor: seconds of the plant in one second.
    age_s: seconds that the plant has been running at the start.
    print_config: print only the configuration.
    Raises OSError if a port or a file cannot be opened.
    """

    def ready(endpoints: Endpoints) -> None:
        text = text_of(endpoints) if text_of else scenario.config_toml(endpoints, broker, "state")
        if config_file is not None:
            unfinished = _unfinished(config_file)
            try:
                unfinished.write_text(text, encoding="utf-8")
                unfinished.replace(config_file)  # atomic: a waiting process never reads an incomplete file
            finally:
                unfinished.unlink(missing_ok=True)
        if print_config:
            print_line(text)
            return
        name = _("devices") if scenario.name == bench.NAME else scenario.name
        print_line(_(": ").join((name, str(endpoints))))
        for unit_id, model in scenario.devices:
            print_line("  " + _("unit {unit_id:d}: {model}", unit_id=unit_id, model=model))
        if config_file is not None:
            print_line(_("Next: `magwatt read {file}` or `magwatt run {file}`", file=str(config_file)))

    async def until_stopped() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if seconds is not None:
            loop.call_later(seconds, stop.set)
        clock = FastClock(SystemClock(), time_factor) if time_factor > 1 else SystemClock()
        await serve(
            scenario, clock=clock, seed=seed, truth=truth, fault=fault, waveforms=time_factor <= 1,
            age_s=age_s, on_ready=ready, stop=stop,
        )  # fmt: skip

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
    motor: BenchMotor | None = None,
    print_config: bool = False,
) -> None:
    """Serves virtual devices, PROFILE[@UNIT_ID] each; the other arguments are those of `serve_scenario`.

    port: TCP port. None: a serial line.
    line: its settings, as "19200 8E1".
    motor: the motor whose values all devices show. None: each device has its own motor of a usual size.
    Raises ValueError for an invalid device or line and a motor whose values a device cannot show, OSError if a port or
    a file cannot be opened.
    """
    devices = bench.parse_devices(texts)
    line = _checked_line(line) if port is None else ""

    def scenario(every_s: float) -> Scenario:
        return bench.scenario(devices, seed, port=port or 0, line=line, every_s=every_s, motor=motor)

    def text_of(endpoints: Endpoints) -> str:
        """The configuration with the shortest poll interval that is possible on the bus."""
        for every_s in PERIODS_S:
            text = scenario(every_s).config_toml(endpoints, broker, "state")
            if config_file is None or _fits(text, config_file):
                break
        return text

    first = scenario(PERIODS_S[0])
    if motor is not None and not print_config:
        first.build(Random(seed))  # raises if a device cannot show the values of the motor
        print_line(text_of_reason(motor.about))
    serve_scenario(first, truth, config_file, broker, seed, seconds, text_of, print_config=print_config)


def _checked_line(line: str) -> str:
    from agent.config import keys

    try:
        keys.BUS["line"].convert(line)
    except ValueError as error:
        raise InvalidValue(codes.SIMULATE_LINE_INVALID, value=line, error=cause_of(error)) from None
    return bench.check_line(line)


def _fits(text: str, config_file: Path) -> bool:
    from agent.acquisition.poll_plan import plan
    from agent.config.loader import load_config

    unfinished = _unfinished(config_file)
    try:
        unfinished.write_text(text, encoding="utf-8")
        return not any(bus.problems for bus in plan(load_config(unfinished)[0]))
    finally:
        unfinished.unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")
