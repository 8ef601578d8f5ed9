"""What can be shown to others: the monthly report, and whether the ledger is whole."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.commands.shared import FINDING, config_option, fail, load, must_have, plant_file

if TYPE_CHECKING:
    from agent.config import Config
    from agent.savings.ledger_key import Key
    from agent.savings.report.proof import Elsewhere
    from agent.savings.verify import Verdict

_AS_SERVICE = "ask as the user that the service runs as: sudo -u magwatt /opt/magwatt/bin/magwatt …"
RUNS_SAID = 5
_state = click.option(
    "--state",
    type=click.Path(path_type=Path),
    help="A copy of the state directory, or its magwatt.sqlite, instead of the plant's own.",
)
_key = click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path),
    help="Whose signatures are expected: an earlier report's JSON, which hands out the public half, or the key file; "
    "default: that of the state directory.",
)
_roots = click.option(
    "--roots",
    "roots_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="External checkpoints: an exported file, the JSON of an earlier report, or a message of the topic "
    "ledger/checkpoint. Repeatable; the file of [ledger] roots is read automatically.",
)


@click.command()
@click.option("--month", required=True, metavar="YYYY-MM", help="The billing month, by tariff.reading_day.")
@click.option("--motor", "motors", multiple=True, help="One motor; may be given again. Default: all.")
@click.option("--out", type=click.Path(path_type=Path), default="report.html", show_default=True,
              help="The page; .csv and .json are written beside it.")  # fmt: skip
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True,
              help="The language it opens in; both are in it.")  # fmt: skip
@_roots
@config_option
@_state
@_key
def report(
    month: str, motors: tuple[str, ...], out: Path, lang: str, roots_files: tuple[Path, ...],
    config_file: Path | None, state: Path | None, key_file: Path | None,
) -> None:  # fmt: skip
    """What was saved in a month: one HTML page that needs nothing else, with CSV and JSON beside it.

    Exit 1 when something is missing or wrong in it; it is said here and on the page.
    """
    path = plant_file(config_file)
    config: Config = load(path)[0]
    for name in motors:
        must_have(config, name)
    db, directory = _open(config, state)
    from agent.savings.present import present_ms
    from agent.savings.report.write import write

    try:
        now_ms = present_ms(config, lambda query, of: db.execute(query, of).fetchall(), time.time_ns() // 1_000_000)
        told, good = write(db, config, motors, month, out, lang, _the_key(key_file, directory),
                           _elsewhere(roots_files, config), now_ms,
                           ("--state", str(state)) if state else ("--config", str(path)))  # fmt: skip
    except ValueError as error:
        fail(str(error))
    except sqlite3.Error as error:
        fail(f"{directory}: {_damaged(error)}")
    except OSError as error:
        fail(f"{out}: {error.strerror or error}")
    for line in told:
        click.echo(line)
    sys.exit(0 if good else FINDING)


@click.command()
@_roots
@config_option
@_state
@_key
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def verify(
    roots_files: tuple[Path, ...], config_file: Path | None, state: Path | None, key_file: Path | None, as_json: bool
) -> None:  # fmt: skip
    """Whether the ledger is whole: names the first record that was edited, removed, moved or set back.

    That nothing was cut off its end or set back as a whole only --roots can show. Exit 1 when it is not content.
    """
    config: Config | None = load(plant_file(config_file))[0] if state is None else None
    db, directory = _open(config, state)
    from agent.savings.verify import verify as look

    elsewhere, key = _elsewhere(roots_files, config), _the_key(key_file, directory)
    told_by = "" if key is None else f"of {key_file}" if key_file else "of the state directory"
    try:
        found = look(db, key, [checkpoint for checkpoints in elsewhere.values() for checkpoint in checkpoints])
        empty = "" if found.records else _empty(db, config)
    except sqlite3.Error as error:
        fail(f"{directory}: {_damaged(error)}")
    if as_json:
        click.echo(json.dumps({
            "content": found.content, "records": found.records, "first_bad": found.first_bad,
            "problems": found.problems, "unchecked": found.unchecked, "last_hash": found.last_hash,
            "last_ms": found.last_ms, "checkpoints": found.checkpoints,
            "external_checkpoints": found.external_checkpoints,
            "amended": found.amended, "late": found.late, "ahead": found.ahead, "put_back": found.put_back,
            "keys": found.keys, "key_told_by": told_by, "self_named": found.self_named, "empty": empty,
            "under": [run._asdict() for run in found.under], "places": found.places,
            "not_yet_recorded": {asset: len(starts) for asset, starts in found.unrecorded.waiting.items()},
        }, ensure_ascii=False))  # fmt: skip
    else:
        _say(found, empty, told_by, (config.site.id, config.site.gateway) if config else None)
    sys.exit(0 if found.content and found.records else FINDING)


def _empty(db: sqlite3.Connection, config: Config | None) -> str:
    from agent.savings.begin import empty_said

    return empty_said(db, time.time_ns() // 1_000_000, config.site.timezone if config else "UTC")


def _say(found: Verdict, empty: str, told_by: str, place: tuple[str, str] | None) -> None:
    """empty: why there are no records. told_by: who says which key signs. place: site and gateway that are meant."""
    from agent.savings.unrecorded import waiting_said
    from agent.words import counted

    for line in [*found.problems[:20], *found.unchecked]:
        click.echo(line)
    if len(found.problems) > 20:
        click.echo(f"and {len(found.problems) - 20} more")
    if waiting := waiting_said(found.unrecorded.waiting):
        click.echo(waiting)
    if empty:
        click.echo(empty)
        return
    if found.ahead:
        are = "is" if found.ahead == 1 else "are"
        click.echo(f"{counted(found.ahead, 'hour')} {are} dated after the newest record: the clock had been ahead, and "
                   "was put back")  # fmt: skip
    for seq in found.put_back[:5]:
        click.echo(f"record {seq} is dated before the one before it: the clock was put back")
    for line in [*_versions(found), *_places(found, place)]:
        click.echo(line)
    if found.self_named and found.keys and not found.unchecked:
        click.echo(f"the signatures hold for key {found.keys[0]}, which only record 1 itself names; who writes all "
                   "anew names a key of his own: give what you were handed before, --key report.json")  # fmt: skip
    last = time.strftime("%Y-%m-%d %H:%M", time.gmtime(found.last_ms / 1000))
    elsewhere = (
        f"{counted(found.external_checkpoints, 'external checkpoint')} compared"
        if found.external_checkpoints
        else "no external checkpoint was given: truncation and rollback cannot be detected (--roots)"
    )
    click.echo(
        f"{counted(found.records, 'record')} to {last} UTC, {counted(found.checkpoints, 'daily checkpoint')}, "
        f"{counted(found.amended, 'hour')} recorded again, {found.late} recorded late, "
        f"key {', '.join(found.keys) or '–'}{f' {told_by}' * bool(told_by)}; {elsewhere}"
    )
    click.echo("content" if found.content else
               f"first bad record: {found.first_bad}" if found.first_bad else "not content")  # fmt: skip


def _versions(found: Verdict) -> list[str]:
    """Under what the hours were recorded, where it changed."""
    from agent.savings.unrecorded import utc
    from agent.savings.verify import UNDER
    from agent.words import counted

    said = []
    for what in UNDER:
        runs = [run for run in found.under if run.what == what]
        if len(runs) > 1:
            told = ", ".join(f"{run.version[:16]} from {utc(run.since_ms)} ({counted(run.hours, 'hour')})"
                             for run in runs[-RUNS_SAID:])  # fmt: skip
            earlier = f" (newest {RUNS_SAID} of {len(runs)})" if len(runs) > RUNS_SAID else ""
            said.append(f"{what} changed{earlier}: {told}")
    return said


def _places(found: Verdict, mine: tuple[str, str] | None) -> list[str]:
    others = ["/".join(place) for place in found.places if place != mine]
    if not others or (mine is None and len(others) == 1):
        return []
    meant = f", not {'/'.join(mine)}" if mine else ""
    return [
        f"its checkpoints name {', '.join(others)}{meant}: the gateway was renamed, or this is the ledger of another"
    ]


def _open(config: Config | None, state: Path | None) -> tuple[sqlite3.Connection, Path]:
    """The state file to read only, and its directory."""
    from agent.savings.verify import open_copy, strangeness
    from agent.store import default_directory
    from agent.store.file import NAME

    place = state or (config.state_dir if config else None) or default_directory()
    try:
        path = place / NAME if place.is_dir() else place
        there = path.is_file()
    except OSError as error:
        fail(f"{place}: {_refused(error)}")
    if not there:
        fail(f"{path}: no such state file: magwatt run makes it; name a copy with --state")
    try:
        db = open_copy(path)
        if strange := strangeness(db):
            fail(f"{path}: {strange}")
    except sqlite3.Error as error:
        fail(f"{path}: no state file of magwatt ({error})")
    return db, path.parent


def _refused(error: OSError) -> str:
    said = error.strerror or str(error)
    return f"{said}; {_AS_SERVICE}" if isinstance(error, PermissionError) else said


def _damaged(error: sqlite3.Error) -> str:
    return f"the state file cannot be read through ({error}); look at a copy of it, or let `magwatt run` set it aside"


def _elsewhere(files: Sequence[Path], config: Config | None) -> Elsewhere:
    """External checkpoints by file; the file of [ledger] roots is included."""
    from agent.savings import checkpoints

    own = config.checkpoint_file if config else None
    found: dict[str, list[dict[str, Any]]] = {}
    for path in [*files, *([own] if own and own.is_file() else [])]:
        try:
            found[str(path)] = checkpoints.read(path.read_text(encoding="utf-8"))
        except OSError as error:
            fail(f"{path}: {error.strerror or error}")
        except ValueError as error:
            fail(f"{path}: {error}")
    return found


def _the_key(key_file: Path | None, directory: Path) -> Key | None:
    from agent.savings.ledger_key import FILE, LedgerKeyError
    from agent.savings.ledger_key import load as load_key

    path = key_file or directory / FILE
    if key_file is None and not path.is_file():
        return None
    try:
        return load_key(path)
    except LedgerKeyError as error:
        fail(str(error) if key_file else f"{error}; {_AS_SERVICE}, or name a report's JSON with --key")
