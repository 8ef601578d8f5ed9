"""Options that several commands share, their types, and how a configuration or a broker is found. Exit codes."""

from __future__ import annotations

import getpass
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from agent.core.local_time import zone_of
from agent.core.text import N_, _, text_of, use

if TYPE_CHECKING:
    from agent.config.model import Config

T = TypeVar("T")
FINDING, WRONG = 1, 2  # exit codes: a finding; wrong usage or configuration
CONFIG_VARIABLE = "MAGWATT_CONFIG"
PLACES = (Path("plant.toml"), Path("/etc/magwatt/plant.toml"))
LONGEST_S = 1e8
BROKER = "mqtt://127.0.0.1:1883"


class Number(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A number from `low` to `high`; rejects others, and nan, in one line.

    name: shown in the help of an option.
    expected: source text with the fields low and high.
    """

    def __init__(self, name: str, low: float, high: float, expected: str) -> None:
        self.name, self._low, self._high, self._expected = name, low, high, expected

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not self._low <= number <= self._high:  # true for nan too
            expected = _(self._expected, low=self._low, high=self._high)
            fail(f"{param.opts[0] if param else self.name} {value}: {expected}")
        return number


def seconds_from(low_s: float) -> Number:
    """The type of a time up to 1e8 s, three years."""
    return Number("seconds", low_s, LONGEST_S, N_("expected a number of seconds from {low:g} to {high:g}"))


POSITIVE = Number("number", sys.float_info.min, 1e9, N_("expected a number above 0 and at most {high:g}"))
config_option = click.option(
    "--config", "config_file", metavar="FILE", type=click.Path(path_type=Path),
    help=N_("Configuration of the plant. [default: $MAGWATT_CONFIG, ./plant.toml, /etc/magwatt/plant.toml]"),
)  # fmt: skip
file_argument = click.argument("file", required=False, type=click.Path(path_type=Path))
seconds_option = click.option("--seconds", type=seconds_from(1), help=N_("Stop after this many seconds."))


def login_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--user, --password-file and --ca: how to log in to an MQTT broker."""
    for option in (
        click.option("--ca", metavar="FILE", type=click.Path(path_type=Path),
                     help=N_("Certificate of the authority that signed the broker's certificate.")),
        click.option("--password-file", metavar="FILE", type=click.Path(path_type=Path),
                     help=N_("File that contains the MQTT password.")),
        click.option("--user", metavar="NAME", help=N_("MQTT user name.")),
    ):  # fmt: skip
        command = option(command)
    return command


def found_file(config_file: Path | None) -> Path | None:
    """The configuration: that of --config, else $MAGWATT_CONFIG, else the first of PLACES; None: there is none."""
    variable = os.environ.get(CONFIG_VARIABLE)
    return (
        config_file or (Path(variable) if variable else None)
        or next((place for place in PLACES if place.is_file()), None)
    )  # fmt: skip


def plant_file(config_file: Path | None, positional: Path | None = None) -> Path:
    """The configuration that `found_file` finds, or the positional file. Exits with WRONG if there is none."""
    if config_file is not None and positional is not None:
        fail(_("two configurations given: --config {first} and {second}; use one of them",
               first=str(config_file), second=str(positional)))  # fmt: skip
    path = found_file(config_file or positional)
    if path is None:
        fail(_("no configuration found (./plant.toml, /etc/magwatt/plant.toml); use --config FILE or MAGWATT_CONFIG"))
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
    return (Path(words[0]), words[1:]) if words and names_a_file(words[0]) else (None, words)


def load(path: Path, as_json: bool = False):  # type: ignore[no-untyped-def]  # its types would slow down every command
    """The configuration and its report; texts show times in the time zone of the plant from then on.

    Prints all problems of a wrong configuration, as JSON if wanted, and exits with WRONG.
    """
    from agent.config.loader import ConfigError, load_config

    try:
        found = load_config(path)
    except ConfigError as error:
        for problem in error.problems:
            if as_json:
                click.echo(json.dumps(problem.as_object(), ensure_ascii=False))
            else:
                click.echo("\n".join([problem.text(text_of), *problem.excerpt()]), err=True)
        fail(_("{n:d} {n:problem|problems} in {path}", n=len(error.problems), path=str(path)))
    use(None, zone_of(found[0].site.timezone))
    return found


def warn_of_agent(config: Config) -> None:
    """Prints who polls the buses of this configuration; it holds their serial ports."""
    from agent.delivery.store import default_directory
    from agent.delivery.store.lock import holder_of

    if (holder := holder_of(config.state_dir or default_directory())) is not None:
        click.echo(text_of(holder.note), err=True)


def must_have(config: Config, motor: str) -> None:
    """Exits with WRONG if the configuration has no such motor."""
    from agent.config.schema import unknown_reference

    if motor not in config.motors:
        fail(f"{motor}: {text_of(unknown_reference('motor', motor, config.motors))}")


def broker_of(url: str, *login: Any):  # type: ignore[no-untyped-def]
    """The broker of a URL; login: values of `login_options`. Exits with WRONG if one is invalid."""
    from agent.config.loader import parse_broker
    from drivers.secrets import masked

    try:
        return parse_broker(url, *login)
    except ValueError as error:
        fail(f"{masked(url)}: {text_of(error)}")


def option_value(option: str, text: str, convert: Callable[[str], T]) -> T:
    """The converted value of an option; exits with WRONG if it is invalid."""
    try:
        return convert(text)
    except ValueError as error:
        fail(_("{option} {value}: {error}", option=option, value=text, error=text_of(error)))


def check_usage(*mistakes: tuple[object, str]) -> None:
    """Exits with WRONG if one of the conditions is true. mistakes: (condition, text)."""
    for condition, text in mistakes:
        if condition:
            fail(text)


def fail(text: str) -> NoReturn:
    """Prints the text as an error and exits with WRONG."""
    click.echo(text, err=True)
    sys.exit(WRONG)


def login_name() -> str:
    """The login name of the operator; with sudo that of the calling user."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
