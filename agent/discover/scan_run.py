"""The commands around scan.py and identify.py: asking a person, Ctrl-C, printing, exit codes."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from dataclasses import replace

import click

from agent.clock import SystemClock
from agent.discover.identified import Identified
from agent.discover.identify import identify
from agent.discover.paste import to_toml
from agent.discover.probe import Heard, ask
from agent.discover.scan import Scan
from agent.discover.scan_order import patience_s
from agent.discover.scan_result import Options, Target
from agent.discover.scan_view import identified_object, open_view, reasons, result_object, result_text
from drivers.bus import ModbusLink
from drivers.errors import LinkBusy, LinkClosed

LISTEN_S = 2.0  # before the first byte on a line whose settings are known
FINE, FINDING, WRONG, INTERRUPTED = 0, 1, 2, 130
WARNING = (
    "A drive whose communication watchdog listens on this port may take these reads for its master, and trip when they "
    "end. Do this while drives stand still, or where that watchdog is off."
)
QUESTION = (
    "On some private dialects (Huanyang HY) a read frame of function 03 commands a run.\n"
    "Without it most models cannot be told. Type 'yes' to use function 03 too, anything else for function 04 only"
)


def may_use_fc03(stated: bool) -> bool:
    """Stated on the command line, or typed."""
    if stated:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        click.echo("function 04 only: most models cannot be told without function 03 (--allow-fc03)", err=True)
        return False
    return str(click.prompt(QUESTION, default="no", show_default=False, err=True)).strip().lower() == "yes"


def run_scan(target: Target, options: Options, as_json: bool) -> int:
    async def main() -> int:
        with open_view() as view:
            scan = Scan(target, options, view)
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, scan.stop.set)
            result = await scan.run()
        click.echo(json.dumps(result_object(result)) if as_json else result_text(result))
        if result.stopped:
            return INTERRUPTED
        return FINDING if result.findings or not result.found else FINE

    click.echo(WARNING, err=True)
    return _guarded(main)


def run_identify(target: Target, unit: int, fc03: bool, as_json: bool) -> int:
    click.echo(WARNING, err=True)

    async def main() -> int:
        wire = replace(target.wire(target.setting), listen_s=LISTEN_S if target.is_line else 0.0)
        link = ModbusLink(wire, SystemClock())
        ending = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, ending.set)
        try:
            known = await _identify(link, target, unit, fc03, ending)
        finally:
            await link.close()
        if known is None:
            return FINDING
        toml = to_toml(target, target.setting, [known])
        if as_json:
            click.echo(json.dumps({"unit": unit, **identified_object(known), "toml": toml}))
        else:
            click.echo("\n".join([f"# unit {unit}: {known.text}", *(f"#   {line}" for line in reasons(known)), toml]))
        if ending.is_set():
            return INTERRUPTED
        return FINE if known.matches and not known.foreign else FINDING

    return _guarded(main)


async def _identify(
    link: ModbusLink, target: Target, unit: int, fc03: bool, ending: asyncio.Event
) -> Identified | None:
    """None when there is nothing to identify; says why."""
    slow_s = 1.0
    patience = patience_s(target.setting, slow_s) if target.setting else 3.0
    function = 4
    reply = await ask(link, unit, 4, patience)
    if reply.heard is Heard.NOBODY and fc03 and not reply.exception:
        function = 3
        reply = await ask(link, unit, 3, patience)
    if reply.heard is Heard.FOREIGN:
        click.echo(f"unit {unit} answers in a dialect that is not Modbus ({reply.raw[:12].hex(' ')}); left alone")
        return None
    if reply.heard is not Heard.HERE:
        why = "bytes came that are no frame: wrong line setting?" if reply.heard is Heard.NOISE else "no answer"
        click.echo(f"unit {unit} on {target}: {why}; magwatt scan finds line settings and units")
        return None
    return await identify(
        link, unit, max(0.3, 3 * reply.took_s), fc03=fc03, ending=ending, function=function,
        character_s=link.wire.character_s if target.is_line else 0.0,
    )  # fmt: skip


def _guarded(main) -> int:  # type: ignore[no-untyped-def]  # a coroutine function; its type says no more
    try:
        return int(asyncio.run(main()))
    except LinkClosed as error:
        click.echo(str(error).removeprefix("scan: "), err=True)
        return WRONG
    except LinkBusy as error:
        click.echo(f"{str(error).removeprefix('scan: ')}; stop it, or try while it is off", err=True)
        return FINDING
