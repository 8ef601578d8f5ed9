"""`magwatt ledger`: the signed records of the savings."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.ledger_options import (
    checkpoint_option,
    expected_key,
    external_checkpoints,
    fail_unreadable,
    key_option,
    open_state,
    state_option,
)
from agent.commands.options import FINDING, config_option, load, plant_file

if TYPE_CHECKING:
    from agent.config import Config
    from agent.savings.verify import Verdict

VERSIONS_SHOWN = 5
PROBLEMS_SHOWN = 20
CLOCK_STEPS_SHOWN = 5


@click.group()
def ledger() -> None:
    """Verify the signed ledger of savings records."""


@ledger.command()
@checkpoint_option
@config_option
@state_option
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object.")
def verify(
    checkpoint_files: tuple[Path, ...], config_file: Path | None, state: Path | None, key_file: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Verify hashes, signatures and contents of all records.

    Prints the first record that was edited, removed, moved or rolled back. Truncation or rollback of the complete
    ledger can only be detected with --checkpoint. Exits 1 if verification fails.
    """
    config: Config | None = load(plant_file(config_file))[0] if state is None else None
    db, directory = open_state(config, state)
    from agent.savings.verify import verify as verify_ledger

    external, key = external_checkpoints(checkpoint_files, config), expected_key(key_file, directory)
    key_source = "" if key is None else f"of {key_file}" if key_file else "of the state directory"
    try:
        found = verify_ledger(db, key, [checkpoint for file in external.values() for checkpoint in file])
        empty = "" if found.records else _empty(db, config)
    except sqlite3.Error as error:
        fail_unreadable(directory, error)
    if as_json:
        click.echo(json.dumps({
            "content": found.content, "records": found.records, "first_bad": found.first_bad,
            "problems": found.problems, "unchecked": found.unchecked, "last_hash": found.last_hash,
            "last_ms": found.last_ms, "checkpoints": found.checkpoints, "external_checkpoints": found.external_checkpoints,
            "amended": found.amended, "late": found.late, "ahead": found.ahead, "put_back": found.put_back,
            "keys": found.keys, "key_told_by": key_source, "self_named": found.self_named, "empty": empty,
            "under": [run._asdict() for run in found.under], "places": found.places,
            "not_yet_recorded": {asset: len(starts) for asset, starts in found.unrecorded.waiting.items()},
        }, ensure_ascii=False))  # fmt: skip
    else:
        _print(found, empty, key_source, (config.site.id, config.site.gateway) if config else None)
    sys.exit(0 if found.content and found.records else FINDING)


def _empty(db: sqlite3.Connection, config: Config | None) -> str:
    from agent.savings.begin import empty_said

    return empty_said(db, time.time_ns() // 1_000_000, config.site.timezone if config else "UTC")


def _print(found: Verdict, empty: str, key_source: str, place: tuple[str, str] | None) -> None:
    """The result as text.

    empty: why there are no records; "" when there are.
    key_source: source of the expected key; "" when there is none.
    place: site and gateway of the configuration, None without one.
    """
    from agent.savings.unrecorded import waiting_said

    for line in [*found.problems[:PROBLEMS_SHOWN], *found.unchecked]:
        click.echo(line)
    if len(found.problems) > PROBLEMS_SHOWN:
        click.echo(f"further problems: {len(found.problems) - PROBLEMS_SHOWN}")
    if waiting := waiting_said(found.unrecorded.waiting):
        click.echo(waiting)
    if empty:
        click.echo(empty)
        return
    if found.ahead:
        click.echo(f"hours dated after the newest record: {found.ahead}; the clock was ahead and was set back")
    for seq in found.put_back[:CLOCK_STEPS_SHOWN]:
        click.echo(f"record {seq} is dated before the record that precedes it; the clock was set back")
    for line in [*_versions(found), *_places(found, place)]:
        click.echo(line)
    if found.self_named and found.keys and not found.unchecked:
        click.echo(f"The signatures match key {found.keys[0]}, which only record 1 names. A forger who rewrites the "
                   "complete ledger can use a new key: give the key that you received earlier "
                   "(--key report.json).")  # fmt: skip
    last = time.strftime("%Y-%m-%d %H:%M", time.gmtime(found.last_ms / 1000))
    click.echo(f"Records: {found.records} until {last} UTC; daily checkpoints: {found.checkpoints}; hours recorded "
               f"again: {found.amended}; recorded late: {found.late}")  # fmt: skip
    click.echo(f"Key: {', '.join(found.keys) or '–'} {key_source}".rstrip())
    if found.external_checkpoints:
        click.echo(f"External checkpoints compared: {found.external_checkpoints}")
    else:
        click.echo("External checkpoints compared: none; truncation or rollback cannot be detected (use --checkpoint)")
    if found.content:
        click.echo("Verification passed.")
    elif found.first_bad:
        click.echo(f"Verification failed. First invalid record: {found.first_bad}")
    else:
        click.echo("Verification failed.")


def _versions(found: Verdict) -> list[str]:
    """Configuration and software versions of the recorded hours, where they changed."""
    from agent.savings.unrecorded import utc
    from agent.savings.verify import UNDER
    from agent.words import counted

    lines = []
    for what in UNDER:
        runs = [run for run in found.under if run.what == what]
        if len(runs) < 2:
            continue
        shown = ", ".join(f"{run.version[:16]} from {utc(run.since_ms)} ({counted(run.hours, 'hour')})"
                          for run in runs[-VERSIONS_SHOWN:])  # fmt: skip
        if len(runs) > VERSIONS_SHOWN:
            lines.append(f"{what} changed (newest {VERSIONS_SHOWN} of {len(runs)}): {shown}")
        else:
            lines.append(f"{what} changed: {shown}")
    return lines


def _places(found: Verdict, mine: tuple[str, str] | None) -> list[str]:
    others = ", ".join("/".join(place) for place in found.places if place != mine)
    if not others or (mine is None and len(found.places) == 1):
        return []
    if mine is None:
        return [f"The checkpoints name {others}. The gateway was renamed, or this is the ledger of another gateway."]
    return [f"The checkpoints name {others}, the configuration names {'/'.join(mine)}. The gateway was renamed, or "
            "this is the ledger of another gateway."]  # fmt: skip
