"""For `baseline` and `adjustment`: the savings data of one motor, opened from its configuration."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import fail, load, must_have, plant_file
from agent.core.local_time import zone_of
from agent.core.text import text_of, use

if TYPE_CHECKING:
    from agent.savings.service import SavingsService

motor_argument = click.argument("motor")


@contextlib.contextmanager
def open_desk(motor: str, config_file: Path | None) -> Iterator[SavingsService]:
    """The savings data of a motor; exits with one line when they cannot be opened or used."""
    config, _ = load(plant_file(config_file))
    must_have(config, motor)
    from agent.core.clock import SystemClock
    from agent.delivery.store import Store, StoreError, default_directory
    from agent.savings.records.repository import present_ms
    from agent.savings.service import SavingsService
    from drivers.reasons import CodedError

    use(None, zone_of(config.site.timezone))
    try:
        store = Store(config.state_dir or default_directory(), SystemClock(), config.store)
    except StoreError as error:
        fail(text_of(error))
    try:
        yield SavingsService(config, store, motor, present_ms(config, store, time.time_ns() // 1_000_000))
    except CodedError as error:
        fail(text_of(error))
    finally:
        store.close()
