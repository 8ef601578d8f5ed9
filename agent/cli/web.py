"""`magwatt web`."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.broker_source import broker_source, topic_option
from agent.cli.options import config_option, load, login_options
from agent.core.text import N_, _


@click.command(
    help=N_(
        "Serve the page of the plant to browsers.\n\n"
        "URL is the broker, for example mqtts://broker.example:8883. [default: that of the configuration; without a "
        "configuration mqtt://127.0.0.1:1883] "
        "The page only reads. It is reached from this computer, unless --listen names another address; that needs "
        "--tls-cert, --tls-key and a password (`magwatt web password`)."
    )
)
@click.argument("url", required=False)
@config_option
@topic_option
@click.option(
    "--listen", metavar="HOST:PORT", default="127.0.0.1:8470", show_default=True, help=N_("Address of the page.")
)
@click.option("--tls-cert", metavar="FILE", type=click.Path(path_type=Path), help=N_("Certificate of the page, PEM."))
@click.option("--tls-key", metavar="FILE", type=click.Path(path_type=Path), help=N_("Private key of the page, PEM."))
@click.option(
    "--host", "names", metavar="NAME", multiple=True,
    help=N_("Further host name by which browsers reach the page. Can be repeated."),
)  # fmt: skip
@login_options
def web(
    url: str | None, config_file: Path | None, topic: str | None, listen: str, tls_cert: Path | None,
    tls_key: Path | None, names: tuple[str, ...], user: str | None, password_file: Path | None, ca: Path | None,
) -> None:  # fmt: skip
    from agent.web.server import Listen, serve

    source = broker_source(url, config_file, topic, user, password_file, ca)
    config = load(source.config_file)[0] if source.config_file else None
    host, _sep, port = listen.rpartition(":")
    serve(
        source.broker,
        source.topic,
        config,
        Listen(host.strip("[]"), int(port), tls_cert, tls_key, names),
        lambda address: click.echo(_("page: {address}", address=address)),
    )
