"""For `baseline` and `adjustment`: the savings data of one motor, opened from its configuration."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import load, must_have, plant_file
from agent.core.local_time import zone_of
from agent.core.text import use

if TYPE_CHECKING:
    from agent.savings.service import SavingsService

motor_argument = click.argument("motor")


@contextlib.contextmanager
def open_savings(motor: str, config_file: Path | None) -> Iterator[SavingsService]:
    """The savings data of a motor; raises CodedError when they cannot be opened or used."""
    config, _ = load(plant_file(config_file))
    must_have(config, motor)
    from agent.delivery.site_clock import start_clock
    from agent.delivery.store import Store, default_directory
    from agent.savings.records.repository import present_ms
    from agent.savings.service import SavingsService

    use(None, zone_of(config.site.timezone))
    clock, _ = start_clock(config)
    with contextlib.closing(Store(config.state_dir or default_directory(), clock, config.store)) as store:
        yield SavingsService(config, store, motor, present_ms(config, store, clock.utc_ns() // 1_000_000))
