"""The command line. Each command imports what it needs when it runs: `magwatt --help` stays light."""

from __future__ import annotations

import logging
import math
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

FINDING, WRONG = 1, 2  # exit codes: a finding, wrong usage or configuration


class _Seconds(click.FloatRange):
    """A time from `low` to three years; nan and inf, which a FloatRange lets pass, are none. One line when wrong."""

    name = "seconds"

    def __init__(self, low: float) -> None:
        super().__init__(low, 1e8)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        assert self.min is not None
        assert self.max is not None
        if not self.min <= seconds <= self.max:  # false for nan too
            option = param.opts[0] if param else "seconds"
            _fail(f"{option} {value}: must be a number of seconds, {self.min:g} to {self.max:g}")
        return seconds


class _Positive(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A finite number above 0. One line when wrong."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0.0 < number <= 1e9:
            _fail(f"{param.opts[0] if param else 'value'} {value}: must be a number above 0")
        return number


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="magwatt")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what happens.")
def main(verbose: bool) -> None:
    """Measure at the motor, live and with uncertainty, what a magnet motor on a drive saves."""
    level = logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    if os.environ.get("MAGWATT_PROFILES"):
        from agent.config import profile_folders
        from drivers.profiles import set_profile_folders

        set_profile_folders(profile_folders())
    for name in ("pymodbus", "amqtt", "transitions", "asyncio", "numba"):  # theirs tell nothing that ours does not
        logging.getLogger(name).setLevel(logging.CRITICAL)


@main.command()
@click.option("--seconds", type=_Seconds(1), help="Stop by itself after that time.")
@click.option(
    "--broker", metavar="URL", help="Publish there (mqtt://host:port) instead of to a broker of the demo's own."
)
@click.option("--headless", is_flag=True, help="Print one line for each row instead of a live table.")
@click.option("--fault", type=click.Choice(["dip", "none"]), default="dip", show_default=True,
              help="What goes wrong half a minute after the start.")  # fmt: skip
def demo(seconds: float | None, broker: str | None, headless: bool, fault: str) -> None:
    """A simulated pump station, the agent, a broker and a live table: no hardware, no configuration."""
    from agent.demo import run_demo

    if broker is not None:
        _broker(broker)
    sys.exit(run_demo(seconds, broker, headless, None if fault == "none" else fault))


@main.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--seconds", type=_Seconds(1), help="Stop by itself after that time.")
def run(config: Path, seconds: float | None) -> None:
    """Poll the plant of CONFIG, compute, publish; until Ctrl-C or SIGTERM."""
    import asyncio

    from agent.run import run as run_agent
    from agent.store import StoreError

    loaded, report = _load(config)
    for line in report.findings:
        logging.getLogger("agent").warning("%s", line)
    try:
        asyncio.run(run_agent(loaded, seconds))
    except StoreError as error:
        _fail(str(error))


@main.command()
@click.argument("config", type=click.Path(path_type=Path))
def check(config: Path) -> None:
    """Check CONFIG without touching a wire: exit 0 when fine, 1 on findings that a person must decide, 2 when wrong."""
    from agent.topology import assets

    loaded, report = _load(config)
    for line in report.notes:
        click.echo(f"note     {line}")
    for line in report.findings:
        click.echo(f"finding  {line}")
    motors = [asset for asset in assets(loaded) if asset.motor]
    click.echo(
        f"{config.name}: {len(loaded.buses)} buses, {len(loaded.meters)} meters, {len(loaded.drives)} drives, "
        f"{len(motors)} motors; {len(report.findings)} findings"
    )
    sys.exit(FINDING if report.findings else 0)


@main.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per bus.")
def plan(config: Path, as_json: bool) -> None:
    """What will be asked on each wire of CONFIG, its load, and what does not fit (exit 1); touches no wire."""
    import json

    from agent.plan import as_object, as_text
    from agent.plan import plan as plan_buses

    loaded, report = _load(config)
    for line in report.findings:
        click.echo(line, err=True)
    found = plan_buses(loaded)
    for bus in found:
        click.echo(json.dumps(as_object(bus)) if as_json else as_text(bus))
    sys.exit(FINDING if any(bus.troubles for bus in found) else 0)


@main.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("device", required=False)
@click.option("--times", type=click.IntRange(1), default=1, show_default=True, help="Poll that often.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per reading.")
def read(config: Path, device: str | None, times: int, as_json: bool) -> None:
    """Poll the devices of CONFIG (or one DEVICE) and print their decoded values; no broker needed."""
    import asyncio

    from agent.read import read_devices
    from agent.signals import signal_devices

    loaded, report = _load(config)
    known = [*loaded.meters, *loaded.drives, *(item.name for item in signal_devices(loaded))]
    if device is not None and device not in known:
        from agent.schema import nearest

        near = nearest(device, known)
        _fail(
            f"{device}: no such device" + (f"; did you mean '{near}'?" if near else f"; there are {', '.join(known)}")
        )
    for line in report.findings:
        click.echo(line, err=True)
    sys.exit(asyncio.run(read_devices(loaded, device, times, as_json)))


@main.command()
@click.argument("url", default="mqtt://127.0.0.1:1883")
@click.option("--topic", default="magwatt/v1/#", show_default=True, help="What to subscribe to.")
@click.option("--user", help="The name to log in with.")
@click.option("--password-file", type=click.Path(path_type=Path), help="The file that holds the password.")
@click.option("--ca", type=click.Path(path_type=Path), help="The authority that signed the broker's certificate.")
@click.option("--seconds", type=_Seconds(1), help="Stop by itself after that time.")
def watch(
    url: str, topic: str, user: str | None, password_file: Path | None, ca: Path | None, seconds: float | None
) -> None:
    """A live table of all motors from the broker at URL."""
    from agent.config import open_to_others
    from agent.subscribe import check_filter
    from agent.watch import watch_broker

    broker = _broker(url, user, password_file, ca)
    try:
        check_filter(topic)
    except ValueError as error:
        _fail(f"--topic {topic!r}: {error}")
    if password_file and (trouble := open_to_others(password_file)):
        click.echo(f"--password-file {password_file}: {trouble}", err=True)
    sys.exit(watch_broker(broker, topic, seconds))


@main.command()
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
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same plant.")
@click.option("--seconds", type=_Seconds(1), help="Stop by itself after that time.")
def simulate(
    scenario: str | None, devices: tuple[str, ...], tcp: int | None, serial: bool, line: str | None, plc: bool,
    fault: str | None, truth: Path | None, config_file: Path | None, broker: str, seed: int, seconds: float | None,
) -> None:  # fmt: skip
    """Serve a simulated plant, or virtual devices of any profile, on real wires. Without SCENARIO: list them."""
    from agent.simulate import (
        LINE,
        cannot_write,
        fault_of,
        list_scenarios,
        scenario_of,
        serve_devices,
        serve_scenario,
    )

    if scenario is None and not devices:
        click.echo("\n".join(list_scenarios()))
        return
    if scenario is not None and devices:
        _fail(f"{scenario} or --device, not both")
    if devices and (tcp is None) != serial:
        _fail("--device needs either --tcp [PORT] or --serial")
    if tcp is not None and not 0 <= tcp <= 65535:
        _fail(f"--tcp {tcp}: a port is a number from 1 to 65535")
    if line is not None and not serial:
        _fail("--line goes with --serial")
    if scenario is not None and (tcp is not None or serial):
        _fail("--tcp and --serial go with --device; a scenario brings its own wires")
    if devices and (plc or fault):
        _fail("--plc and --fault go with a scenario")
    _broker(broker)
    for option, path in (("--truth", truth), ("--config", config_file)):
        if path is not None and (trouble := cannot_write(path)):
            _fail(f"{option} {path}: {trouble}")
    try:
        if scenario is None:
            serve_devices(devices, tcp, line or LINE, truth, config_file, broker, seed, seconds)
        else:
            plant = scenario_of(scenario, plc)
            happens = fault_of(plant, fault) if fault else None
            serve_scenario(plant, truth, config_file, broker, seed, seconds, fault=happens)
    except ValueError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{scenario or 'simulate'}: {error}")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--nominal", type=click.Choice(["auto", "50", "60", "drive"]), default="auto", show_default=True,
              help="Cycles per window: 10 at 50 Hz, 12 at 60 Hz, 0.2 s worth on a drive's output.")  # fmt: skip
@click.option("--map", "mapping", metavar="u1=VA,i1=4…", default="", help="Which channel (name or number) is which.")
@click.option("--from", "from_s", type=_Seconds(0), default=0.0, help="Start there, seconds from the file's start.")
@click.option("--to", "to_s", type=_Seconds(0), help="End there.")
@click.option("--supply", "supply_v", type=_Positive(), metavar="V",
              help="Declared voltage, as the channels measure it: finds dips, swells, flicker.")  # fmt: skip
@click.option("--wiring", type=click.Choice(["3P4W", "3P3W", "3P3W-2"]), default="3P4W", show_default=True,
              help="3P3W-2: two-wattmeter connection, u1 = u12, u3 = u32, i1, i3.")  # fmt: skip
@click.option("--demand-a", type=_Positive(), metavar="A", help="Maximum demand load current: for TDD.")
@click.option("--lamp", type=click.Choice(["230V", "120V"]), help="For flicker. [default: by the voltage]")
@click.option("--summary", is_flag=True, help="3 s and 10 min values, flicker and events instead of each window.")
@click.option("--limits", "standards", multiple=True, type=click.Choice(["en50160", "ieee519", "gbt", "iec61000-2-4"]),
              help="With --summary: which limits are kept (exit 1 when one is not); often.")  # fmt: skip
@click.option("--nominal-v", type=_Positive(), metavar="V", help="Line voltage that limits refer to, without --supply.")
@click.option("--isc-il", type=_Positive(), metavar="RATIO", help="Short-circuit over demand current: IEEE 519.")
@click.option("--short-circuit-mva", type=_Positive(), metavar="MVA", help="At the point of coupling: GB/T 14549.")
@click.option("--plant-class", type=click.IntRange(1, 3), default=2, show_default=True, help="Of IEC 61000-2-4.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png|svg",
              help="Draw waveforms, spectrum and phasors of a window there.")  # fmt: skip
@click.option("--at", "at_s", type=_Seconds(0), help="With --plot: the window there, seconds. [default: in the middle]")
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
        _fail(str(error))


@main.group(invoke_without_command=True)
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
        _fail(str(error))


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
        _fail(str(error))


@profiles.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check_profiles(files: tuple[Path, ...]) -> None:
    """Check profile FILES of your own: exit 0 when fine, 2 with one line for each problem."""
    from agent.profiles import check_files

    sys.exit(check_files(files))


@main.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("motors", nargs=-1)
@click.option("--by", help="Who does it; asked for when missing.")
@click.option("--readings", type=click.IntRange(3, 1000), default=10, show_default=True, help="For the self-check.")
@click.option("--batch", is_flag=True, help="Ask nothing: the self-check alone.")
@click.option("--records", type=click.Path(path_type=Path), help="Folder for the records [default: beside CONFIG].")
def commission(
    config: Path, motors: tuple[str, ...], by: str | None, readings: int, batch: bool, records: Path | None
) -> None:
    """Walk through the MOTORS of CONFIG (all): nameplate, wiring, self-check, record (exit 1 on open points)."""
    import asyncio

    from agent.clock import SystemClock
    from agent.commission import Answers
    from agent.commission import commission as walk
    from agent.schema import nearest
    from agent.store import Store, StoreError, default_directory
    from agent.topology import assets

    loaded, report = _load(config)
    known = [asset.name for asset in assets(loaded)]
    for name in motors:
        if name not in known:
            near = nearest(name, known)
            _fail(
                f"{name}: no such motor or shared meter; "
                + (f"did you mean '{near}'?" if near else f"there are {', '.join(known)}")
            )
    for line in report.findings:
        click.echo(f"finding  {line}", err=True)

    def ask(question: str) -> tuple[str, str]:
        if batch:
            return "not asked", ""
        answer = click.prompt(f"  {question}", type=click.Choice(["y", "n", "s"]), prompt_suffix="? ", default="y")
        if answer == "s":
            return "not asked", ""
        return ("yes", "") if answer == "y" else ("no", click.prompt("    what is it then", default=""))

    if by is None:
        by = "nobody (--batch)" if batch else click.prompt("Who commissions")
    if not batch:
        click.echo("Each question wants y (yes), n (no, and what it is instead) or s (skip: not looked at).")
    try:
        store = Store(loaded.state_dir or default_directory(), SystemClock())
        folder = records or config.parent / "commissioning"
        done = asyncio.run(walk(loaded, store, folder, list(motors), by, readings, Answers(click.echo, ask)))
    except (StoreError, OSError) as error:
        _fail(str(error))
    sys.exit(FINDING if report.findings or any(record.open_points for record in done) else 0)


@main.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--rounds", type=click.IntRange(1, 1000), default=20, show_default=True, help="Reads of each block.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def doctor(config: Path, rounds: int, as_json: bool) -> None:
    """Look at the wires, clock, disk and broker of CONFIG and say what to do (exit 1); stop `run` first."""
    import asyncio
    import json

    from agent.doctor import Finding, examine

    def say(item: Finding) -> None:
        if as_json:
            click.echo(json.dumps({"level": item.level, "where": item.where, "text": item.text}, ensure_ascii=False))
        else:
            click.echo(f"{item.level:8} {item.where}: {item.text}")

    def begins(what: str) -> None:
        if not as_json:
            click.echo(f"… {what}", err=True)

    loaded, report = _load(config)
    for line in report.findings:
        say(Finding("finding", *line.split(": ", 2)[1:]))  # type: ignore[arg-type]
    clean = asyncio.run(examine(loaded, rounds, say, begins))
    sys.exit(0 if clean and not report.findings else FINDING)


@main.command()
def warm() -> None:
    """Compile the signal-processing kernels into the cache (done once after installing; takes about a minute)."""
    from agent.kernels import is_warm, use_cache, warm_here

    if is_warm():
        click.echo(f"kernels are ready in {use_cache()}")
        return
    click.echo("compiling kernels …", nl=False)
    warm_here()
    click.echo(f" ready in {use_cache()}")


def _at(serial: str | None, tcp: str | None, line: str | None, framing: str | None):  # type: ignore[no-untyped-def]
    """Where to look; one clear line when that is not possible."""
    from agent import config_keys as keys
    from agent.scan_result import Target
    from drivers.eavesdrop import Setting

    if bool(serial) == bool(tcp):
        _fail("give either --serial PORT or --tcp HOST[:PORT]")
    setting = None
    if line is not None:
        try:
            setting = Setting(*keys.BUS["line"].convert(line))
        except ValueError as error:
            _fail(f"--line {line!r}: {error}")
        if setting.data_bits != 8:
            _fail(f"--line {line!r}: Modbus RTU needs 8 data bits")
    if serial:
        if framing == "tcp":
            _fail("--framing tcp: a serial line carries Modbus RTU; leave --framing out")
        return Target(serial=serial, setting=setting, rtu=False)
    if line is not None and framing != "rtu":
        _fail("--line: with --tcp only for --framing rtu, a transparent serial converter")
    if framing == "rtu" and line is None:
        _fail('--line: missing; the settings of the line behind the converter, for example "19200 8E1"')
    try:
        host, port = keys.BUS["tcp"].convert(tcp)
    except ValueError as error:
        _fail(f"--tcp {tcp}: {error}")
    return Target(host=host, port_number=port, rtu=framing == "rtu", setting=setting)


def _place(command: Any) -> Any:
    """The options that say where to look."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object."),
        click.option("--yes-fc03", is_flag=True, help="Use function 03 too, without being asked: see docs/scan.md."),
        click.option("--framing", type=click.Choice(["tcp", "rtu"]), help="rtu: --tcp is a transparent converter."),
        click.option("--line", metavar='"19200 8E1"', help="Speed, data bits, parity, stop bits."),
        click.option("--tcp", metavar="HOST[:PORT]", help="A device or gateway."),
        click.option("--serial", metavar="PORT", help="A serial port."),
    ):
        command = option(command)
    return command


@main.command()
@_place
@click.option("--units", default="1-247", show_default=True, help="Which units to ask, as 1-247 or 1,5,20-30.")
@click.option("--quick", "depth", flag_value="quick", help="Likely units only.")
@click.option(
    "--full", "depth", flag_value="full", help="Also rare settings, slow devices, silent units by function 03."
)
@click.option("--listen", type=_Seconds(2), default=10.0, show_default=True, help="Listen that long first (serial).")
def scan(
    serial: str | None, tcp: str | None, line: str | None, framing: str | None, yes_fc03: bool, as_json: bool,
    units: str, depth: str | None, listen: float,
) -> None:  # fmt: skip
    """Find who is on a line, with which settings: listens first, then reads one register of each unit."""
    from agent.scan_result import Options, parse_units
    from agent.scan_run import may_use_fc03, run_scan

    target = _at(serial, tcp, line, framing)
    try:
        wanted = parse_units(units)
    except ValueError as error:
        _fail(f"--units {units}: {error}")
    options = Options(tuple(wanted), depth or "usual", listen, may_use_fc03(yes_fc03))
    sys.exit(run_scan(target, options, as_json))


@main.command()
@_place
@click.option("--unit", type=int, required=True, help="The device's unit number.")
def identify(
    serial: str | None, tcp: str | None, line: str | None, framing: str | None, yes_fc03: bool, as_json: bool, unit: int
) -> None:
    """Which model answers at a unit: the right one or a short list, as TOML to paste."""
    from agent.scan_run import may_use_fc03, run_identify

    target = _at(serial, tcp, line, framing)
    if serial and target.setting is None:
        _fail('--line: missing; write for example "19200 8E1" (magwatt scan finds it)')
    last = 255 if tcp else 247
    if not (0 if tcp else 1) <= unit <= last:
        _fail(f"--unit {unit}: must be 1 to {last}")
    sys.exit(run_identify(target, unit, may_use_fc03(yes_fc03), as_json))


def _load(path: Path):  # type: ignore[no-untyped-def]  # its types would cost every command the import
    from agent.config import ConfigError, load_config

    try:
        return load_config(path)
    except ConfigError as error:
        for line in error.problems:
            click.echo(line, err=True)
        _fail(f"{len(error.problems)} problem{'s' if len(error.problems) != 1 else ''} in {path}")


def _broker(url: str, *login: Any):  # type: ignore[no-untyped-def]
    from agent.config import parse_broker
    from agent.schema import masked

    try:
        return parse_broker(url, *login)
    except ValueError as error:
        _fail(f"{masked(url)}: {error}")


def _fail(text: str) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(WRONG)


if __name__ == "__main__":
    main()
