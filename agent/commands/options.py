"""Options that several commands share, their types, and how a configuration or a broker is found. Exit codes."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from agent.config import Config

FINDING, WRONG = 1, 2  # exit codes: a finding; wrong usage or configuration
CONFIG_VARIABLE = "MAGWATT_CONFIG"
PLACES = (Path("plant.toml"), Path("/etc/magwatt/plant.toml"))
LONGEST_S = 1e8
BROKER = "mqtt://127.0.0.1:1883"


class Seconds(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A time from `low` seconds to 1e8 s (three years). Rejects others, and nan, in one line."""

    name = "seconds"

    def __init__(self, low: float) -> None:
        self._low = low

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not self._low <= seconds <= LONGEST_S:  # false for nan too
            option = param.opts[0] if param else "seconds"
            fail(f"{option} {value}: must be a number of seconds from {self._low:g} to {LONGEST_S:g}")
        return seconds


class Positive(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A number above 0, at most 1e9. Rejects others in one line."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0.0 < number <= 1e9:
            fail(f"{param.opts[0] if param else 'value'} {value}: must be a number above 0 and at most 1e+09")
        return number


config_option = click.option(
    "--config", "config_file", metavar="FILE", type=click.Path(path_type=Path),
    help="Configuration of the plant. [default: $MAGWATT_CONFIG, ./plant.toml, /etc/magwatt/plant.toml]",
)  # fmt: skip
file_argument = click.argument("file", required=False, type=click.Path(path_type=Path))
seconds_option = click.option("--seconds", type=Seconds(1), help="Stop after this many seconds.")


def login_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--user, --password-file and --ca: how to log in to an MQTT broker."""
    for option in (
        click.option("--ca", metavar="FILE", type=click.Path(path_type=Path),
                     help="Certificate of the authority that signed the broker's certificate."),
        click.option("--password-file", metavar="FILE", type=click.Path(path_type=Path),
                     help="File that contains the MQTT password."),
        click.option("--user", metavar="NAME", help="MQTT user name."),
    ):  # fmt: skip
        command = option(command)
    return command


def plant_file(config_file: Path | None, positional: Path | None = None) -> Path:
    """The configuration: --config or the positional file, else $MAGWATT_CONFIG, else the first of PLACES."""
    if config_file is not None and positional is not None:
        fail(f"two configurations given: --config {config_file} and {positional}; use one of them")
    variable = os.environ.get(CONFIG_VARIABLE)
    path = (
        config_file or positional or (Path(variable) if variable else None)
        or next((place for place in PLACES if place.is_file()), None)
    )  # fmt: skip
    if path is None:
        fail(f"no configuration found (./plant.toml, /etc/magwatt/plant.toml); use --config FILE or {CONFIG_VARIABLE}")
    return path


def names_a_file(text: str) -> bool:
    """Whether a positional argument means a configuration and not a device or motor."""
    if text.endswith(".toml") or os.sep in text:
        return True
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def split_file(words: Sequence[str]) -> tuple[Path | None, Sequence[str]]:
    """The configuration, where the first word names a file, and the other words."""
    if words and names_a_file(words[0]):
        return Path(words[0]), words[1:]
    return None, words


def load(path: Path):  # type: ignore[no-untyped-def]  # importing its types would slow down every command
    from agent.config_load import ConfigError, load_config

    try:
        return load_config(path)
    except ConfigError as error:
        for line in error.problems:
            click.echo(line, err=True)
        count = len(error.problems)
        fail(f"1 problem in {path}" if count == 1 else f"{count} problems in {path}")


def must_have(config: Config, motor: str) -> None:
    from agent.schema import nearest

    if motor in config.motors:
        return
    if near := nearest(motor, list(config.motors)):
        fail(f"{motor}: no such motor; did you mean '{near}'?")
    fail(f"{motor}: no such motor")


def broker_of(url: str, *login: Any):  # type: ignore[no-untyped-def]
    from agent.config_load import parse_broker
    from agent.schema import masked

    try:
        return parse_broker(url, *login)
    except ValueError as error:
        fail(f"{masked(url)}: {error}")


def fail(text: str) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(WRONG)
