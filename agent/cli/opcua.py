"""`magwatt opcua`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from agent.cli.options import fail, login_options
from agent.cli.server_options import ServerOptions, ServerSource, server_options
from agent.core.text import N_, _, text_of

if TYPE_CHECKING:
    from agent.northbound.opcua.server import OpcUaListen

PORT = 4840
LIBRARIES = ("asyncua", "anyio", "aiosqlite", "dateutil", "pytz", "sortedcontainers", "wait_for2")


@click.command(
    help=N_(
        "Serve the newest values to OPC UA clients, read only.\n\n"
        "URL is the broker from which they are taken, for example mqtts://broker.example:8883. [default: the agent on "
        "this computer, without a broker] Channels are encrypted, and clients log in with a user name and a password "
        "(--set-password). The certificate of the server is made at its first start."
    )
)
@server_options(PORT)
@click.option(
    "--client-user", metavar="NAME", default="magwatt", show_default=True, help=N_("User name of the clients.")
)
@click.option("--set-password", is_flag=True, help=N_("Ask for the password of the clients, store its hash, and exit."))
@click.option(
    "--client-password", "hash_file", metavar="FILE", type=click.Path(path_type=Path),
    help=N_("File with the hash of the password. [default: secrets/opcua-password or opcua-password next to the "
            "configuration]"),
)  # fmt: skip
@click.option(
    "--pki", metavar="FOLDER", type=click.Path(path_type=Path),
    help=N_("Folder with certificate and key of the server. [default: opcua in the state directory]"),
)  # fmt: skip
@click.option(
    "--trusted", metavar="FOLDER", type=click.Path(path_type=Path),
    help=N_("Accept only clients whose certificate is in this folder."),
)  # fmt: skip
@login_options
def opcua(
    options: ServerOptions, client_user: str, set_password: bool, hash_file: Path | None, pki: Path | None,
    trusted: Path | None,
) -> None:  # fmt: skip
    from agent.cli.new_password import ask_and_store
    from agent.core import password_hash

    if hash_file is None:
        plant = options.path or Path("plant.toml").absolute()
        hash_file = password_hash.password_file(plant, password_hash.OPCUA_PASSWORD)
    if set_password:
        ask_and_store(hash_file, _("password of the clients"))
        click.echo(_("{file}: written. A server that runs must be restarted", file=str(hash_file)))
        return
    try:
        from agent.northbound.opcua.server import OpcUaListen
    except ModuleNotFoundError as error:
        _fail_without_libraries(error)
    from agent.northbound.base.reasons import OPCUA_WITHOUT_PASSWORD

    source = options.source()
    stored = password_hash.read_hash(hash_file)
    if stored is None:
        fail(text_of(OPCUA_WITHOUT_PASSWORD(path=str(hash_file))))
    folder = pki or source.state_dir / "opcua"
    _serve(source, OpcUaListen(folder, client_user, stored, source.host, source.port, trusted))


def _serve(source: ServerSource, listen: OpcUaListen) -> None:
    from agent.core import systemd
    from agent.northbound.opcua.server import OpcUaNotices, serve

    def started(fingerprint: str) -> None:
        systemd.notify(READY=1)
        click.echo(_("OPC UA server: opc.tcp://{host}:{port:d}/magwatt, certificate SHA-256 {fingerprint}",
                     host=listen.host, port=listen.port, fingerprint=fingerprint))  # fmt: skip

    serve(source.broker, source.topic, source.config, listen, OpcUaNotices(started, lambda: systemd.notify(WATCHDOG=1)))


def _fail_without_libraries(error: ModuleNotFoundError) -> NoReturn:
    """Only the libraries of the extra may be missing; anything else is a fault of the program."""
    if (error.name or "").partition(".")[0] not in LIBRARIES:
        raise error
    from agent.northbound.base.reasons import OPCUA_LIBRARY_MISSING

    fail(text_of(OPCUA_LIBRARY_MISSING()))
