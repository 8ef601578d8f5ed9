"""What `modbus-server` and `opcua` have in common: where their values are from, and their address."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from agent.cli.broker_source import broker_source, topic_option
from agent.cli.options import config_option, found_file, load, option_value
from agent.core.text import N_

if TYPE_CHECKING:
    from agent.config.model import Config, Mqtt


class ServerSource(NamedTuple):
    """broker: with its login; None: the agent on this computer. topic: filter. state_dir: of the configuration, else
    the default one. host, port: of the server.
    """

    broker: Mqtt | None
    topic: str
    config: Config | None
    state_dir: Path
    host: str
    port: int


class ServerOptions(NamedTuple):
    """The shared options of a server, as given. port: the default one. login: values of `login_options`."""

    port: int
    url: str | None
    config_file: Path | None
    topic: str | None
    listen: str
    login: tuple[str | None, Path | None, Path | None]

    @property
    def path(self) -> Path | None:
        """The configuration; None: there is none, or a broker is given."""
        return None if self.url else found_file(self.config_file)

    def source(self) -> ServerSource:
        """Exits with WRONG if an option or the configuration is invalid."""
        from agent.config.schema import host_port
        from agent.core.state_directory import default_directory

        host, port = option_value("--listen", self.listen, host_port(self.port))
        broker, topic = None, ""
        if self.url:
            broker, topic, _file = broker_source(self.url, self.config_file, self.topic, *self.login)
        config = load(path)[0] if (path := self.path) else None
        state_dir = (config.state_dir if config else None) or default_directory()
        return ServerSource(broker, topic, config, state_dir, host, port)


def server_options(port: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """URL, --config, --topic and --listen; with `login_options` the command receives them as ServerOptions."""

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def called(
            url: str | None, config_file: Path | None, topic: str | None, listen: str, user: str | None,
            password_file: Path | None, ca: Path | None, **own: Any,
        ) -> None:  # fmt: skip
            command(ServerOptions(port, url, config_file, topic, listen, (user, password_file, ca)), **own)

        found = click.option(
            "--listen", metavar="HOST:PORT", default=f"127.0.0.1:{port}", show_default=True,
            help=N_("Address of the server."),
        )(called)  # fmt: skip
        return click.argument("url", required=False)(config_option(topic_option(found)))

    return decorated
