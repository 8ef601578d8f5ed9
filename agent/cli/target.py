"""Options of `scan` and `identify` that select the serial port, device or gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import check_usage, fail, option_value
from agent.core.text import N_, _, text_of

if TYPE_CHECKING:
    from agent.commissioning.discovery.scan_result import Target


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object.")),
        click.option("--allow-fc03", is_flag=True,
                     help=N_("Use function 03 without asking first; docs/how-to/scan.md describes the risk.")),
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

    check_usage((bool(serial) == bool(tcp), _("give either --serial PORT or --tcp HOST[:PORT]")))
    setting = None
    if line is not None:
        try:
            setting = SerialSetting(*keys.BUS["line"].convert(line))
        except ValueError as error:
            fail(_("{option} {value}: {error}", option="--line", value=repr(line), error=text_of(error)))
        if setting.data_bits != 8:
            fail(_("--line {line:quoted}: Modbus RTU needs 8 data bits", line=line))
    check_usage(
        (serial and framing == "tcp", _("--framing tcp: a serial port uses Modbus RTU; omit --framing")),
        (tcp and line is not None and framing != "rtu",
         _("--line: with --tcp it is only valid with --framing rtu (a transparent serial converter)")),
        (tcp and framing == "rtu" and line is None,
         _('--line: missing; give the serial settings of the converter, for example --line "19200 8E1"')),
    )  # fmt: skip
    if not tcp:
        return Target(serial=serial or "", setting=setting)
    host, port = option_value("--tcp", tcp, keys.BUS["tcp"].convert)
    return Target(host=host, port_number=port, rtu=framing == "rtu", setting=setting)
