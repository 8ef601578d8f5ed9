"""Run a scan or an identification for the command line: warnings, prompt, Ctrl-C, output, exit codes."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import click
from msgspec.structs import replace

from agent.cli.options import FINDING
from agent.cli.scan_view import ProgressLines, format_evidence, format_result, identified_object, result_object
from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.config_snippet import to_toml
from agent.commissioning.discovery.identify import identify_responding
from agent.commissioning.discovery.match import Identified
from agent.commissioning.discovery.meters import identify_meter, settings_of
from agent.commissioning.discovery.probe import ProbeResult, Reply, probe
from agent.commissioning.discovery.scan import Scan
from agent.commissioning.discovery.scan_order import timeout_s
from agent.commissioning.discovery.scan_result import ScanOptions, Target
from agent.config.reasons import METER_PARITY_UNUSUAL
from agent.core.clock import SystemClock
from agent.core.text import N_, _, text_of
from drivers.dlt645_frames import address_text
from drivers.dlt645_link import Dlt645Link
from drivers.errors import ForeignMasterActive, FrameError, LinkTimeout
from drivers.modbus_link import ModbusLink
from drivers.reasons import Reason, cause_of

SLOW_DEVICE_S, UNKNOWN_TIMEOUT_S = 1.0, 3.0  # longest response time; timeout without known line settings
LISTEN_S = 10.0  # time of listening before the first request on a serial line
INTERRUPTED = 130  # exit code
WARNING = N_(
    "Warning: a drive whose communication watchdog is active may accept this computer as its master and trip when the "
    "requests end. Continue only while the drives are stopped or the watchdog is disabled."
)


def may_use_fc03(permitted: bool) -> bool:
    """Whether function 03 is permitted, by the option or at the prompt."""
    if permitted:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        click.echo(
            _("Function 04 only: most models cannot be identified without function 03 (--allow-fc03)."), err=True
        )
        return False
    click.echo(
        _("With some private protocols (Huanyang HY), a read request of function 03 can start the motor. Without "
          "function 03, most models cannot be identified."),
        err=True,
    )  # fmt: skip
    prompt = _("Enter yes to use function 03, anything else to use function 04 only")
    return str(click.prompt(prompt, default="no", show_default=False, err=True)).strip().lower() == "yes"


def run_scan(target: Target, options: ScanOptions, as_json: bool) -> int:
    async def main() -> int:
        scan = Scan(target, options, ProgressLines())
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, scan.stop.set)
        result = await scan.run()
        click.echo(json.dumps(result_object(result)) if as_json else format_result(result))
        if result.stopped:
            return INTERRUPTED
        return FINDING if result.findings or not result.found else 0

    if not options.listen_only:
        click.echo(_(WARNING), err=True)
    return _guarded(main)


def run_identify(target: Target, unit: int, fc03: bool, as_json: bool) -> int:
    click.echo(_(WARNING), err=True)

    async def main() -> int:
        link = ModbusLink(target.bus_settings(target.setting, LISTEN_S if target.is_line else 0.0), SystemClock())
        ending = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, ending.set)
        try:
            identified = await _identify(link, target, unit, fc03, ending)
        finally:
            await link.close()
        if identified is None:
            return FINDING
        _print_identified(target, unit, identified, as_json)
        if ending.is_set():
            return INTERRUPTED
        return 0 if identified.matches and not identified.only_similar else FINDING

    return _guarded(main)


def run_identify_meter(target: Target, unit: int, as_json: bool) -> int:
    """Identifies a meter of DL/T 645."""
    if target.setting is not None and not settings_of(target):
        click.echo(text_of(METER_PARITY_UNUSUAL()), err=True)
    target = replace(target, dlt645=True)

    async def main() -> int:
        link = Dlt645Link(target.bus_settings(target.setting, LISTEN_S), SystemClock())
        try:
            identified = await identify_meter(link, unit)
        except (LinkTimeout, FrameError) as error:
            click.echo(text_of(error))
            return FINDING
        finally:
            await link.close()
        _print_identified(target, address_text(unit), identified, as_json)
        return 0

    return _guarded(main)


def _print_identified(target: Target, unit: int | str, identified: Identified, as_json: bool) -> None:
    toml = to_toml(target, target.setting, [identified])
    heading = _("unit {unit_id}: {model}", unit_id=str(unit), model=identified.summary)
    text = "\n".join([f"# {heading}", *(f"#   {line}" for line in format_evidence(identified)), toml])
    click.echo(json.dumps({"unit_id": unit, **identified_object(identified), "toml": toml}) if as_json else text)


async def _identify(
    link: ModbusLink, target: Target, unit: int, fc03: bool, ending: asyncio.Event
) -> Identified | None:
    """Identifies one unit; prints the reason and returns None if it cannot be identified."""
    longest_s = timeout_s(target.setting, SLOW_DEVICE_S) if target.setting else UNKNOWN_TIMEOUT_S
    for function in (4, 3) if fc03 else (4,):
        reply = await probe(link, unit, function, longest_s)
        if reply.outcome is not ProbeResult.NOTHING or reply.exception:
            break
    if reply.outcome is not ProbeResult.HERE:
        click.echo(text_of(_why_not(target, unit, reply)))
        return None
    return await identify_responding(link, unit, reply.response_s, fc03, ending, function)


def _why_not(target: Target, unit: int, reply: Reply) -> Reason:
    if reply.outcome is ProbeResult.FOREIGN:
        return codes.IDENTIFY_PRIVATE_PROTOCOL(unit_id=unit, data=reply.raw[:12].hex(" "))
    code = codes.IDENTIFY_NO_FRAME if reply.outcome is ProbeResult.NOISE else codes.IDENTIFY_NO_RESPONSE
    return code(unit_id=unit, target=str(target))


def _guarded(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Runs a coroutine and returns the exit code; another master on the bus is a finding."""
    try:
        return asyncio.run(main())
    except ForeignMasterActive as error:
        click.echo(text_of(codes.SCAN_BUS_IN_USE(error=cause_of(error))), err=True)
        return FINDING
