"""`magwatt condition`."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import click

from agent.cli.options import config_option, load, must_have, plant_file
from agent.core.local_time import format_date, zone_of
from agent.core.text import N_, _, use


@click.command(
    help=N_(
        "Show what was learned about the condition of motors.\n\n"
        "With --json everything that was learned, one object per motor: normal operation from rows, and baselines of "
        "the waveform by load and speed. Learning starts again after a change of the nameplate, and with `learn_since` "
        "in [motor.NAME.condition]."
    )
)
@click.argument("motor", required=False)
@config_option
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object per motor."))
def condition(motor: str | None, config_file: Path | None, as_json: bool) -> None:
    from agent.cli.ledger_options import fail_unreadable, open_state
    from agent.runtime.condition_stage import STORED_AS

    config = load(plant_file(config_file))[0]
    use(None, zone_of(config.site.timezone))
    if motor is not None:
        must_have(config, motor)
    db, directory = open_state(config, None)
    with contextlib.closing(db):
        try:
            rows = db.execute("select name, saved_ms, body from note where kind = ?", (STORED_AS,)).fetchall()
        except sqlite3.Error as error:
            fail_unreadable(directory, error)
    learned = {name: (saved_ms, json.loads(body)) for name, saved_ms, body in rows}
    for name in [motor] if motor else config.motors:
        saved_ms, body = learned.get(name, (None, {}))
        if as_json:
            click.echo(json.dumps({"motor": name, "saved_ms": saved_ms, **body}, ensure_ascii=False))
        else:
            click.echo("\n".join(_lines(name, saved_ms, body, config.site.timezone)))


def _lines(name: str, saved_ms: int | None, body: dict[str, Any], zone: str) -> list[str]:
    if saved_ms is None:
        return [_("{motor}: nothing learned yet", motor=name)]
    baselines = (body.get("records") or {}).get("baselines", [])
    found = [_("{motor}: saved {date}", motor=name, date=format_date(saved_ms, zone))]
    parts = sorted(key for key, value in (body.get("rows") or {}).items() if key != "machine" and value)
    found.append("  " + (_("from rows: {parts}", parts=", ".join(parts)) if parts else _("from rows: nothing yet")))
    for one in sorted(baselines, key=lambda one: one["load"]):
        found.append("  " + _(
            "waveform: {load_pct:.0f} % load, {speed_pct:.0f} % speed, learned {date}", load_pct=100 * one["load"],
            speed_pct=100 * one["speed"], date=format_date(one["learned_ms"], zone),
        ))  # fmt: skip
    return found
