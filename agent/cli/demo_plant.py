"""The plant of `magwatt demo`: its configuration, and its hours since the last evening."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import click

from agent.core.local_time import system_zone, zone_of
from agent.core.text import _

PLANT = "water-station"
SITE = "demo"


def demo_config(text: str) -> str:
    """The configuration of the scenario with the site and the time zone of the demo."""
    return text.replace(f'id = "{PLANT}"', f'id = "{SITE}"').replace('timezone = "UTC"', f'timezone = "{system_zone()}"')


def simulate_demo_past(folder: Path) -> float:
    """Writes the state of the plant's agent since the last evening into `folder`, and returns these seconds."""
    from agent.simulation.past import past_s, simulate_past
    from simulators import scenarios

    now = datetime.fromtimestamp(int(time.time()), zone_of(system_zone()))
    seconds = past_s(now)
    click.echo(_("simulating the {hours:.0f} hours since the last evening; `--no-past` omits this", hours=seconds / 3600))
    simulate_past(scenarios.load(PLANT), folder, round(now.timestamp() - seconds), seconds, demo_config, lambda _now_s: None)
    return seconds
