"""`magwatt modbus-server`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.broker_source import broker_source, topic_option
from agent.cli.options import config_option, fail, found_file, load, login_options, option_value
from agent.core.text import N_, _, text_of

if TYPE_CHECKING:
    from agent.config.model import Config, Mqtt
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
@click.argument("url", required=False)
@config_option
@topic_option
@click.option(
    "--listen", metavar="HOST:PORT", default=f"127.0.0.1:{PORT}", show_default=True, help=N_("Address of the server.")
)
@click.option(
    "--numbers", "numbers_file", metavar="FILE", type=click.Path(path_type=Path),
    help=N_("File with the numbers of the motors. [default: modbus-motors in the state directory]"),
)  # fmt: skip
@click.option(
    "--map", "form", type=click.Choice(["csv", "markdown", "myems"]),
    help=N_("Print the registers instead of serving them: as CSV, as Markdown, or as SQL for MyEMS."),
)  # fmt: skip
@login_options
def modbus_server(
    url: str | None, config_file: Path | None, topic: str | None, listen: str, numbers_file: Path | None,
    form: str | None, user: str | None, password_file: Path | None, ca: Path | None,
) -> None:  # fmt: skip
    from agent.config.schema import host_port
    from agent.core.state_directory import default_directory
    from agent.northbound.modbus.motor_numbers import FILE_NAME, MotorNumbers
    from agent.northbound.modbus.server import ModbusListen, topics_of

    host, port = option_value("--listen", listen, host_port(PORT))
    broker, filter_ = None, ""
    if url:
        broker, filter_, _file = broker_source(url, config_file, topic, user, password_file, ca)
    path = None if url else found_file(config_file)
    config = load(path)[0] if path else None
    numbers = numbers_file or ((config.state_dir if config else None) or default_directory()) / FILE_NAME
    if form is None:
        _serve(broker, filter_, config, ModbusListen(numbers, host, port))
        return
    from agent.northbound.modbus.register_map import map_text

    known = MotorNumbers(numbers)
    known.add(topics_of(config))
    if not known.topics:
        fail(_("no motor is known: give --config FILE, or --numbers FILE of a server that has run"))
    click.echo(map_text(form, known, host, port), nl=False)


def _serve(broker: Mqtt | None, topic: str, config: Config | None, listen: ModbusListen) -> None:
    from agent.core import systemd
    from agent.core.listening_socket import is_loopback
    from agent.northbound.base.reasons import OPEN_TO_NETWORK
    from agent.northbound.modbus.server import Notices, serve

    def started(port: int) -> None:
        systemd.notify(READY=1)
        if not is_loopback(listen.host):
            click.echo(text_of(OPEN_TO_NETWORK(host=listen.host, port=port)), err=True)
        click.echo(_("Modbus TCP server: {host}:{port:d}", host=listen.host, port=port))

    serve(broker, topic, config, listen, Notices(started, lambda: systemd.notify(WATCHDOG=1)))
