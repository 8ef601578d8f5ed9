"""`magwatt web`."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import click

from agent.cli.broker_source import broker_source, topic_option
from agent.cli.options import config_option, fail, found_file, load, login_options, option_value
from agent.core.text import N_, _, text_of
from drivers.reasons import CodedError

PORT = 8470


@click.command(
    help=N_(
        "Serve the page of the plant to browsers.\n\n"
        "URL is the broker, for example mqtts://broker.example:8883. [default: that of the configuration; without a "
        "configuration mqtt://127.0.0.1:1883; a configuration without a broker: the agent on this computer] "
        "The page only reads. It can be reached from this computer only, unless --listen names another address; that "
        "needs --tls-cert, --tls-key and a password (--set-password)."
    )
)
@click.argument("url", required=False)
@config_option
@topic_option
@click.option(
    "--listen", metavar="HOST:PORT", default=f"127.0.0.1:{PORT}", show_default=True, help=N_("Address of the page.")
)
@click.option("--tls-cert", metavar="FILE", type=click.Path(path_type=Path), help=N_("Certificate of the page, PEM."))
@click.option("--tls-key", metavar="FILE", type=click.Path(path_type=Path), help=N_("Private key of the page, PEM."))
@click.option(
    "--host", "names", metavar="NAME", multiple=True,
    help=N_("Further host name by which browsers reach the page. Can be repeated."),
)  # fmt: skip
@click.option(
    "--web-password", "hash_file", metavar="FILE", type=click.Path(path_type=Path),
    help=N_("File with the hash of the page's password. [default: secrets/web-password or web-password next to "
            "the configuration]"),
)  # fmt: skip
@click.option("--metrics", is_flag=True, help=N_("Also serve /metrics for Prometheus."))
@click.option("--set-password", is_flag=True, help=N_("Ask for the password of the page, store its hash, and exit."))
@login_options
def web(
    url: str | None, config_file: Path | None, topic: str | None, listen: str, tls_cert: Path | None,
    tls_key: Path | None, names: tuple[str, ...], hash_file: Path | None, metrics: bool, set_password: bool,
    user: str | None, password_file: Path | None, ca: Path | None,
) -> None:  # fmt: skip
    from agent.core import password_hash as password

    plant = None if url else found_file(config_file)
    if hash_file is None:
        hash_file = password.password_file(plant or Path("plant.toml").absolute(), password.WEB_PASSWORD)
    if set_password:
        _set_password(hash_file)
        return
    try:
        from agent.web.server.server import serve
        from agent.web.server.start_check import Listen
    except ModuleNotFoundError as error:
        _fail_without_libraries(error)
    from agent.config.schema import host_port

    config = load(plant)[0] if plant else None
    broker, filter_ = None, ""
    if config is None or config.mqtt is not None:
        broker, filter_, _file = broker_source(url, config_file, topic, user, password_file, ca)
    host, port = option_value("--listen", listen, host_port(PORT))
    try:
        where = Listen(host, port, tls_cert, tls_key, names, password.read_hash(hash_file), metrics)
        serve(broker, filter_, config, where, _say)
    except (CodedError, OSError) as error:
        fail(text_of(error))


def _say(address: str) -> None:
    click.echo(_("page: {address}", address=address))


def _set_password(file: Path) -> None:
    from agent.cli.new_password import ask_and_store

    ask_and_store(file, _("password of the page"))
    click.echo(_("{file}: written. Restart the page: sudo systemctl restart magwatt-web", file=str(file)))


def _fail_without_libraries(error: ModuleNotFoundError) -> NoReturn:
    """Only the libraries of the extra may be missing; anything else is a fault of the program."""
    if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "h11", "anyio"):
        raise error
    from agent.web.base.reasons import LIBRARY_MISSING

    fail(text_of(LIBRARY_MISSING()))
