"""In front of the cabinet: scan, identify, doctor, commission."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.commands.shared import FINDING, Seconds, fail, load

if TYPE_CHECKING:
    from agent.commission.record import Reply
    from drivers.reasons import Reason


def _at(serial: str | None, tcp: str | None, line: str | None, framing: str | None):  # type: ignore[no-untyped-def]
    """Where to look; one clear line when that is not possible."""
    from agent import config_keys as keys
    from agent.discover.scan_result import Target
    from drivers.eavesdrop import Setting

    if bool(serial) == bool(tcp):
        fail("give either --serial PORT or --tcp HOST[:PORT]")
    setting = None
    if line is not None:
        try:
            setting = Setting(*keys.BUS["line"].convert(line))
        except ValueError as error:
            fail(f"--line {line!r}: {error}")
        if setting.data_bits != 8:
            fail(f"--line {line!r}: Modbus RTU needs 8 data bits")
    if serial:
        if framing == "tcp":
            fail("--framing tcp: a serial line carries Modbus RTU; leave --framing out")
        return Target(serial=serial, setting=setting, rtu=False)
    if line is not None and framing != "rtu":
        fail("--line: with --tcp only for --framing rtu, a transparent serial converter")
    if framing == "rtu" and line is None:
        fail('--line: missing; the settings of the line behind the converter, for example "19200 8E1"')
    try:
        host, port = keys.BUS["tcp"].convert(tcp)
    except ValueError as error:
        fail(f"--tcp {tcp}: {error}")
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


@click.command()
@_place
@click.option("--units", default="1-247", show_default=True, help="Which units to ask, as 1-247 or 1,5,20-30.")
@click.option("--quick", "depth", flag_value="quick", help="Likely units only.")
@click.option(
    "--full", "depth", flag_value="full", help="Also rare settings, slow devices, silent units by function 03."
)
@click.option("--listen", type=Seconds(2), default=10.0, show_default=True, help="Listen that long first (serial).")
@click.option("--expect", metavar="N|UNITS", help="How many devices, or which units (as 11-14,31), must answer.")
def scan(
    serial: str | None, tcp: str | None, line: str | None, framing: str | None, yes_fc03: bool, as_json: bool,
    units: str, depth: str | None, listen: float, expect: str | None,
) -> None:  # fmt: skip
    """Find who is on a line, with which settings: listens first, then reads one register of each unit."""
    from agent.discover.scan_result import Options, parse_expected, parse_units
    from agent.discover.scan_run import may_use_fc03, run_scan

    target = _at(serial, tcp, line, framing)
    try:
        wanted = parse_units(units)
    except ValueError as error:
        fail(f"--units {units}: {error}")
    try:
        expected = parse_expected(expect) if expect is not None else None
    except ValueError as error:
        fail(f"--expect {expect}: {error}")
    if expected and (outside := sorted(set(expected.units) - set(wanted))):
        fail(f"--expect {expect}: unit {outside[0]} is not among --units {units}")
    options = Options(tuple(wanted), depth or "usual", listen, may_use_fc03(yes_fc03), expected=expected)
    sys.exit(run_scan(target, options, as_json))


@click.command()
@_place
@click.option("--unit", type=int, required=True, help="The device's unit number.")
def identify(
    serial: str | None, tcp: str | None, line: str | None, framing: str | None, yes_fc03: bool, as_json: bool, unit: int
) -> None:
    """Which model answers at a unit: the right one or a short list, as TOML to paste."""
    from agent.discover.scan_run import may_use_fc03, run_identify

    target = _at(serial, tcp, line, framing)
    if serial and target.setting is None:
        fail('--line: missing; write for example "19200 8E1" (magwatt scan finds it)')
    first, last = (0, 255) if tcp else (1, 247)
    if not first <= unit <= last:
        fail(f"--unit {unit}: must be {first} to {last}")
    sys.exit(run_identify(target, unit, may_use_fc03(yes_fc03), as_json))


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--rounds", type=click.IntRange(1, 1000), default=20, show_default=True, help="Reads of each block.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def doctor(config: Path, rounds: int, as_json: bool) -> None:
    """Look at the wires, clock, disk and broker of CONFIG and say what to do (exit 1); stop `run` first."""
    import asyncio

    from agent.doctor import Finding, examine

    def say(item: Finding) -> None:
        if as_json:
            click.echo(json.dumps({"level": item.level, "where": item.where, "text": item.text}, ensure_ascii=False))
        else:
            click.echo(f"{item.level:8} {item.where}: {item.text}")

    def begins(what: str) -> None:
        if not as_json:
            click.echo(f"… {what}", err=True)

    loaded, report = load(config)
    for line in report.findings:
        say(Finding("finding", *line.split(": ", 2)[1:]))  # type: ignore[arg-type]
    clean = asyncio.run(examine(loaded, rounds, say, begins))
    sys.exit(0 if clean and not report.findings else FINDING)


@click.command()
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
    from agent.commission import Dialogue
    from agent.commission import commission as walk
    from agent.core.text import _, text_of
    from agent.schema import nearest
    from agent.store import Store, StoreError, default_directory
    from agent.topology import assets

    loaded, report = load(config)
    known = [asset.name for asset in assets(loaded)]
    for name in motors:
        if name not in known:
            near = nearest(name, known)
            fail(
                f"{name}: no such motor or shared meter; "
                + (f"did you mean '{near}'?" if near else f"there are {', '.join(known)}")
            )
    for line in report.findings:
        click.echo(f"finding  {line}", err=True)

    def confirm(statement: Reason) -> tuple[Reply, str]:
        if batch:
            return "skipped", ""
        keys = click.Choice(["y", "n", "s"])
        key = click.prompt(f"  {text_of(statement)}", type=keys, prompt_suffix="? ", default="y")
        if key == "s":
            return "skipped", ""
        return ("yes", "") if key == "y" else ("no", click.prompt("    " + _("Actual state"), default=""))

    if by is None:
        by = "" if batch else click.prompt(_("Name of the person who commissions"))
    if not batch:
        click.echo(_("Confirm each statement: y (yes), n (no; then enter the actual state) or s (skip: not checked)."))
    try:
        store = Store(loaded.state_dir or default_directory(), SystemClock())
        folder = records or config.parent / "commissioning"
        done = asyncio.run(walk(loaded, store, folder, list(motors), by, readings, Dialogue(click.echo, confirm)))
    except (StoreError, OSError) as error:
        fail(str(error))
    sys.exit(FINDING if report.findings or any(record.open_points for record in done) else 0)
