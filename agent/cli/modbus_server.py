"""`magwatt modbus-server`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import fail, login_options
from agent.cli.server_options import ServerOptions, ServerSource, server_options
from agent.core.text import N_, _, text_of

if TYPE_CHECKING:
    from agent.northbound.modbus.server import ModbusListen

PORT = 1502


@click.command(
    name="modbus-server",
    help=N_(
        "Serve the newest values to Modbus TCP clients, read only.\n\n"
        "URL is the broker from which they are taken, for example mqtts://broker.example:8883. [default: the agent on "
        "this computer, without a broker] Only input registers can be read; every other function is rejected. The "
        "server can be reached from this computer only, unless --listen names another address: Modbus has no login."
    ),
)
@server_options(PORT)
@click.option(
    "--numbers", "numbers_file", metavar="FILE", type=click.Path(path_type=Path),
    help=N_("File with the numbers of the motors. [default: modbus-motors in the state directory]"),
)  # fmt: skip
@click.option(
    "--map", "form", type=click.Choice(["csv", "markdown", "myems"]),
    help=N_("Print the registers instead of serving them: as CSV, as Markdown, or as SQL for MyEMS."),
)  # fmt: skip
@login_options
def modbus_server(options: ServerOptions, numbers_file: Path | None, form: str | None) -> None:
    from agent.northbound.modbus.motor_numbers import FILE_NAME, MotorNumbers
    from agent.northbound.modbus.server import ModbusListen, topics_of

    source = options.source()
    numbers = numbers_file or source.state_dir / FILE_NAME
    if form is None:
        _serve(source, ModbusListen(numbers, source.host, source.port))
        return
    from agent.northbound.modbus.register_map import map_text

    known = MotorNumbers(numbers)
    known.add(topics_of(source.config))
    if not known.topics:
        fail(_("no motor is known: give --config FILE, or --numbers FILE of a server that has run"))
    click.echo(map_text(form, known, source.host, source.port), nl=False)


def _serve(source: ServerSource, listen: ModbusListen) -> None:
    from agent.core import systemd
    from agent.core.listening_socket import is_loopback
    from agent.northbound.base.reasons import OPEN_TO_NETWORK
    from agent.northbound.modbus.server import Notices, serve

    def started(port: int) -> None:
        systemd.notify(READY=1)
        if not is_loopback(listen.host):
            click.echo(text_of(OPEN_TO_NETWORK(host=listen.host, port=port)), err=True)
        click.echo(_("Modbus TCP server: {host}:{port:d}", host=listen.host, port=port))

    serve(source.broker, source.topic, source.config, listen, Notices(started, lambda: systemd.notify(WATCHDOG=1)))
