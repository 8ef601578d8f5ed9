"""Options of `scan` and `identify` that select the serial port, device or gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import fail
from agent.core.text import N_, _, text_of

if TYPE_CHECKING:
    from agent.commissioning.discovery.scan_result import Target


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object.")),
        click.option("--allow-fc03", is_flag=True,
                     help=N_("Use function 03 without asking first; docs/scan.md describes the risk.")),
        click.option("--framing", type=click.Choice(["tcp", "rtu"]),
                     help=N_("With --tcp: rtu for a transparent serial converter.")),
        click.option("--line", metavar='"19200 8E1"', help=N_("Baud rate, data bits, parity and stop bits.")),
        click.option("--tcp", metavar="HOST[:PORT]", help=N_("Modbus TCP device or gateway.")),
        click.option("--serial", metavar="PORT", help=N_("Serial port.")),
    ):  # fmt: skip
        command = option(command)
    return command


def target_of(serial: str | None, tcp: str | None, line: str | None, framing: str | None) -> Target:
    """The target that the options select; exits with one line when they contradict each other."""
    from agent.commissioning.discovery.scan_result import Target
    from agent.config import keys
    from drivers.serial_sniffer import SerialSetting

    if bool(serial) == bool(tcp):
        fail(_("give either --serial PORT or --tcp HOST[:PORT]"))
    setting = None
    if line is not None:
        try:
            setting = SerialSetting(*keys.BUS["line"].convert(line))
        except ValueError as error:
            fail(_("{option} {value}: {error}", option="--line", value=repr(line), error=text_of(error)))
        if setting.data_bits != 8:
            fail(_("--line {line:quoted}: Modbus RTU needs 8 data bits", line=line))
    if serial:
        if framing == "tcp":
            fail(_("--framing tcp: a serial port uses Modbus RTU; omit --framing"))
        return Target(serial=serial, setting=setting, rtu=False)
    if line is not None and framing != "rtu":
        fail(_("--line: with --tcp it is only valid with --framing rtu (a transparent serial converter)"))
    if framing == "rtu" and line is None:
        fail(_('--line: missing; give the serial settings of the converter, for example --line "19200 8E1"'))
    try:
        host, port = keys.BUS["tcp"].convert(tcp)
    except ValueError as error:
        fail(_("{option} {value}: {error}", option="--tcp", value=tcp, error=text_of(error)))
    return Target(host=host, port_number=port, rtu=framing == "rtu", setting=setting)
