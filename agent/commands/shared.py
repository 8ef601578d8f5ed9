"""What several commands share: exit codes, kinds of numbers, how a configuration or a broker is taken."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from agent.config import Config

FINDING, WRONG = 1, 2  # exit codes: a finding, wrong usage or configuration
CONFIG_VARIABLE = "MAGWATT_CONFIG"
PLACES = (Path("plant.toml"), Path("/etc/magwatt/plant.toml"))

config_option = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), envvar=CONFIG_VARIABLE,
    help="The plant's file; default: $MAGWATT_CONFIG, plant.toml here, /etc/magwatt/plant.toml.",
)  # fmt: skip


class Seconds(click.FloatRange):
    """A time from `low` to three years; nan and inf, which a FloatRange lets pass, are none. One line when wrong."""

    name = "seconds"

    def __init__(self, low: float) -> None:
        super().__init__(low, 1e8)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        assert self.min is not None
        assert self.max is not None
        if not self.min <= seconds <= self.max:  # false for nan too
            option = param.opts[0] if param else "seconds"
            fail(f"{option} {value}: must be a number of seconds, {self.min:g} to {self.max:g}")
        return seconds


class Positive(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A number above 0, 1e9 at most. One line when wrong."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0.0 < number <= 1e9:
            fail(f"{param.opts[0] if param else 'value'} {value}: must be a number above 0, 1e+09 at most")
        return number


def plant_file(config_file: Path | None) -> Path:
    """The one that was named, else the first of the usual places."""
    path = config_file or next((place for place in PLACES if place.is_file()), None)
    if path is None:
        fail(f"no plant.toml here and no /etc/magwatt/plant.toml; name it: --config FILE or {CONFIG_VARIABLE}")
    return path


def load(path: Path):  # type: ignore[no-untyped-def]  # its types would cost every command the import
    from agent.config_load import ConfigError, load_config

    try:
        return load_config(path)
    except ConfigError as error:
        for line in error.problems:
            click.echo(line, err=True)
        fail(f"{len(error.problems)} problem{'s' if len(error.problems) != 1 else ''} in {path}")


def must_have(config: Config, motor: str) -> None:
    from agent.schema import nearest

    if motor not in config.motors:
        near = nearest(motor, list(config.motors))
        fail(f"{motor}: no such motor" + (f"; did you mean '{near}'?" if near else ""))


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
