"""Without a plant: simulate, replay, profiles, warm."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from agent.commands.fleet import WithFleet
from agent.commands.shared import Positive, Seconds, broker_of, fail


@click.command(cls=WithFleet)
@click.argument("scenario", required=False)
@click.option("--device", "devices", multiple=True, metavar="PROFILE[@UNIT]", help="Instead: a virtual device; often.")
@click.option("--tcp", is_flag=False, flag_value=0, type=int, metavar="[PORT]",
              help="The devices on Modbus TCP; without PORT on a free one.")  # fmt: skip
@click.option("--serial", is_flag=True, help="The devices on a pseudo-terminal, as slow as a real line.")
@click.option("--line", help='With --serial: speed, data bits, parity, stop bits. [default: "19200 8E1"]')
@click.option("--fault", metavar="NAME[@SECONDS]", help="Let that go wrong, for example dip@30.")
@click.option("--plc", is_flag=True, help="noisy-line: with a PLC that polls the line too.")
@click.option("--truth", type=click.Path(path_type=Path), help="Write the plant's true values there, as NDJSON.")
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="Write the agent's matching configuration there."
)
@click.option("--broker", default="mqtt://127.0.0.1:1883", show_default=True, help="The broker in that configuration.")
@click.option("--proxy", metavar="HOST:PORT|/dev/…", help="Instead: stand before a real wire and spoil answers on it.")
@click.option("--spoil", "spoils", multiple=True, metavar="FAULT=CHANCE",
              help="With --proxy: flip=0.01, late=0.02, drop, truncate, echo …; often.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same plant.")
@click.option("--seconds", type=Seconds(1), help="Stop by itself after that time.")
@click.option("--speed", type=float, default=1.0, show_default=True,
              help="Seconds of plant in one second; above 60 the agent runs with it, without wires.")  # fmt: skip
@click.option("--published", type=click.Path(path_type=Path), help="Then: write what the agent publishes there.")
@click.option("--state", type=click.Path(file_okay=False, path_type=Path),
              help="Then: keep there what baseline, report and verify read; a run in it is gone on with.")  # fmt: skip
@click.option("--print-config", is_flag=True, help="Print the agent's matching configuration, and then only serve.")
@click.option("--list", "list_them", is_flag=True, help="List the scenarios with what they show.")
def simulate(
    scenario: str | None, devices: tuple[str, ...], tcp: int | None, serial: bool, line: str | None, plc: bool,
    fault: str | None, truth: Path | None, config_file: Path | None, broker: str, seed: int, seconds: float | None,
    speed: float, published: Path | None, print_config: bool, list_them: bool, proxy: str | None,
    spoils: tuple[str, ...], state: Path | None,
) -> None:  # fmt: skip
    """Serve a simulated plant, or virtual devices of any profile, on real wires. Without SCENARIO: list them.

    SCENARIO: a name of the list, or a file of your own (see docs/scenarios.md). Many gateways against one broker:
    magwatt simulate fleet --help.
    """
    from agent.simulate import (
        LINE,
        cannot_write,
        check_speed,
        fault_of,
        list_scenarios,
        scenario_of,
        serve_devices,
        serve_scenario,
    )

    if proxy is not None:
        if scenario is not None or devices:
            fail(f"--proxy {proxy} goes alone: what it stands before runs elsewhere")
        _stand_before(proxy, line, spoils, seed, seconds)
        return
    if spoils:
        fail("--spoil goes with --proxy")
    if list_them or (scenario is None and not devices):
        click.echo("\n".join(list_scenarios(about=list_them)))
        return
    if scenario is not None and devices:
        fail(f"{scenario} or --device, not both")
    if devices and (tcp is None) != serial:
        fail("--device needs either --tcp [PORT] or --serial")
    if tcp is not None and not 0 <= tcp <= 65535:
        fail(f"--tcp {tcp}: a port is a number from 1 to 65535")
    if line is not None and not serial:
        fail("--line goes with --serial")
    if scenario is not None and (tcp is not None or serial):
        fail("--tcp and --serial go with --device; a scenario brings its own wires")
    if devices and (plc or fault or speed != 1 or published or state):
        fail("--plc, --fault, --speed, --published and --state go with a scenario")
    broker_of(broker)
    for option, path in (("--truth", truth), ("--config", config_file), ("--published", published)):
        if path is not None and (trouble := cannot_write(path)):
            fail(f"{option} {path}: {trouble}")
    try:
        if scenario is None:
            serve_devices(devices, tcp, line or LINE, truth, config_file, broker, seed, seconds)
        else:
            plant = scenario_of(scenario, plc)
            happens = fault_of(plant, fault) if fault else None
            if check_speed(speed, seconds, published or state, plant):
                if config_file is not None or print_config:
                    fail(f"--speed {speed:g}: without wires there is nothing to configure an agent for")
                from agent.virtual_run import Wanted, run_without_wires

                again = _again(scenario, speed, seed, fault, state)
                run_without_wires(plant, Wanted(again, seed, seconds, happens, truth, published, state))
                return
            serve_scenario(
                plant, truth, config_file, broker, seed, seconds, fault=happens, speed=speed, print_config=print_config
            )
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{scenario or 'simulate'}: {error}")


def _again(scenario: str, speed: float, seed: int, fault: str | None, state: Path | None) -> str:
    """The command that goes on with this run."""
    options = {"--seed": seed if seed != 1 else None, "--fault": fault, "--state": state}
    said = "".join(f" {name} {value}" for name, value in options.items() if value is not None)
    return f"magwatt simulate {scenario} --speed {speed:g}{said}"


def _stand_before(where: str, line: str | None, spoils: tuple[str, ...], seed: int, seconds: float | None) -> None:
    from agent.simulate import LINE
    from agent.stand_before import stand_before

    try:
        stand_before(where, line or LINE, spoils, seed, seconds)
    except OSError as error:
        fail(f"--proxy {where}: {os.strerror(error.errno) if error.errno else error}")
    except ValueError as error:
        fail(f"--proxy {where}: {error}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--nominal", type=click.Choice(["auto", "50", "60", "drive"]), default="auto", show_default=True,
              help="Cycles per window: 10 at 50 Hz, 12 at 60 Hz, 0.2 s worth on a drive's output.")  # fmt: skip
@click.option("--map", "mapping", metavar="u1=VA,i1=4…", default="", help="Which channel (name or number) is which.")
@click.option("--from", "from_s", type=Seconds(0), default=0.0, help="Start there, seconds from the file's start.")
@click.option("--to", "to_s", type=Seconds(0), help="End there.")
@click.option("--supply", "supply_v", type=Positive(), metavar="V",
              help="Declared voltage, as the channels measure it: finds dips, swells, flicker.")  # fmt: skip
@click.option("--wiring", type=click.Choice(["3P4W", "3P3W", "3P3W-2"]), default="3P4W", show_default=True,
              help="3P3W-2: two-wattmeter connection, u1 = u12, u3 = u32, i1, i3.")  # fmt: skip
@click.option("--demand-a", type=Positive(), metavar="A", help="Maximum demand load current: for TDD.")
@click.option("--lamp", type=click.Choice(["230V", "120V"]), help="For flicker. [default: by the voltage]")
@click.option("--summary", is_flag=True, help="3 s and 10 min values, flicker and events instead of each window.")
@click.option("--limits", "standards", multiple=True, type=click.Choice(["en50160", "ieee519", "gbt", "iec61000-2-4"]),
              help="With --summary: which limits are kept (exit 1 when one is not); often.")  # fmt: skip
@click.option("--nominal-v", type=Positive(), metavar="V", help="Line voltage that limits refer to, without --supply.")
@click.option("--isc-il", type=Positive(), metavar="RATIO", help="Short-circuit over demand current: IEEE 519.")
@click.option("--short-circuit-mva", type=Positive(), metavar="MVA", help="At the point of coupling: GB/T 14549.")
@click.option("--plant-class", type=click.IntRange(1, 3), default=2, show_default=True, help="Of IEC 61000-2-4.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png|svg",
              help="Draw waveforms, spectrum and phasors of a window there.")  # fmt: skip
@click.option("--at", "at_s", type=Seconds(0), help="With --plot: the window there, seconds. [default: in the middle]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per window, or of the summary.")
def replay(
    file: Path, mapping: str, as_json: bool, summary: bool, standards: tuple[str, ...], nominal_v: float | None,
    isc_il: float | None, short_circuit_mva: float | None, plant_class: int, plot: Path | None, at_s: float | None,
    **settings: Any,
) -> None:  # fmt: skip
    """Analyse a recording (npz, CSV, COMTRADE): power and harmonics for each window."""
    from agent.replay import Options, replay_file
    from agent.replay.source import Settings
    from agent.replay.verdict import where
    from drivers.errors import FileError

    how = Settings(**settings)
    try:
        if standards and not (summary or plot):
            raise FileError("--limits goes with --summary or --plot")
        if at_s is not None and plot is None:
            raise FileError("--at goes with --plot")
        if how.lamp and how.supply_v is None:
            raise FileError("--lamp goes with --supply: flicker needs the declared voltage")
        if (isc_il or short_circuit_mva or nominal_v) and not standards:
            raise FileError("--isc-il, --short-circuit-mva and --nominal-v go with --limits")
        place = where(standards, how, nominal_v, isc_il, short_circuit_mva, plant_class) if standards else None
        sys.exit(replay_file(file, Options(how, mapping, as_json, summary, place, plot, at_s)))
    except FileError as error:
        fail(str(error))


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per profile.")
@click.pass_context
def profiles(context: click.Context, as_json: bool) -> None:
    """The register maps that are known, with how far each is to be trusted."""
    if context.invoked_subcommand is None:
        context.invoke(list_profiles, as_json=as_json)


@profiles.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per profile.")
def list_profiles(as_json: bool) -> None:
    """One line for each model: kind, registers by poll group, confidence."""
    from agent import profiles as library
    from drivers.errors import ProfileError

    try:
        library.list_profiles(as_json)
    except ProfileError as error:
        fail(str(error))


@profiles.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def show(model: str, as_json: bool) -> None:
    """All that is known about MODEL (vendor/model): registers, scales, watchdog, tables, sources."""
    from agent.profiles import show_profile
    from drivers.errors import ProfileError
    from drivers.profiles import load_profile

    try:
        show_profile(load_profile(model), as_json)
    except ProfileError as error:
        fail(str(error))


@profiles.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check_profiles(files: tuple[Path, ...]) -> None:
    """Check profile FILES of your own: exit 0 when fine, 2 with one line for each problem."""
    from agent.profiles import check_files

    sys.exit(check_files(files))


@click.command()
def warm() -> None:
    """Compile the signal-processing kernels into the cache (done once after installing; takes about a minute)."""
    from agent.kernels import is_warm, use_cache, warm_here

    if is_warm():
        click.echo(f"kernels are ready in {use_cache()}")
        return
    click.echo("compiling kernels …", nl=False)
    warm_here()
    click.echo(f" ready in {use_cache()}")
