"""The plant of `magwatt demo`: its configuration, and its hours since the last evening."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from agent.core.local_time import system_zone, zone_of
from agent.core.text import _
from agent.simulation.config_keys import with_key

PLANT = "water-station"
SITE = "demo"


def demo_config(text: str) -> str:
    """The configuration of the scenario with the site and the time zone of the demo."""
    return with_key(with_key(text, "id", SITE), "timezone", system_zone())


def simulate_demo_past(folder: Path) -> float:
    """Writes the state of the plant's agent since the last evening into `folder`, and returns these seconds."""
    from agent.simulation.past import past_s, simulate_past
    from simulators import scenarios

    now = datetime.fromtimestamp(int(time.time()), zone_of(system_zone()))
    seconds = past_s(now)
    click.echo(
        _("simulating the {hours:.0f} hours since the last evening; `--no-past` omits this", hours=seconds / 3600)
    )
    scenario, start_utc_s = scenarios.load(PLANT), round(now.timestamp() - seconds)
    displayed_s = 0
    with (
        _silent_log(),
        click.progressbar(length=round(seconds), file=sys.stderr, hidden=not sys.stderr.isatty()) as bar,
    ):

        def on_progress(now_s: float) -> None:
            nonlocal displayed_s
            bar.update(round(now_s) - displayed_s)
            displayed_s = round(now_s)

        simulate_past(scenario, folder, start_utc_s, seconds, demo_config, on_progress)
    return seconds


@contextlib.contextmanager
def _silent_log() -> Iterator[None]:
    """Without the log of the agent of the past, whose devices go silent on purpose."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
