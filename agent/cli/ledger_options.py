"""What `report` and `ledger verify` share: the state file, the expected key and external checkpoints."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from agent.cli.options import fail
from agent.core.text import N_, _, text_of
from drivers.file_reasons import FILE_UNREADABLE
from drivers.reasons import cause_of

if TYPE_CHECKING:
    from agent.config.model import Config
    from agent.savings.ledger.signing_key import LedgerKey
    from agent.savings.report.model.ledger_check import ExternalCheckpoints

state_option = click.option(
    "--state", metavar="PATH", type=click.Path(path_type=Path),
    help=N_("Copy of a state directory, or its magwatt.sqlite. [default: the state directory of the configuration]"),
)  # fmt: skip
key_option = click.option(
    "--key", "key_file", metavar="FILE", type=click.Path(path_type=Path),
    help=N_("Key whose signatures are expected: the JSON of an earlier report (contains the public key) or a key file. "
            "[default: the key in the state directory]"),
)  # fmt: skip
checkpoint_option = click.option(
    "--checkpoint", "checkpoint_files", metavar="FILE", multiple=True, type=click.Path(path_type=Path),
    help=N_("Checkpoints stored outside the state directory: an exported file, the JSON of an earlier report, or a "
            "message of the topic ledger/checkpoint; repeatable. The checkpoint file of the configuration is always "
            "read."),
)  # fmt: skip


def open_state(config: Config | None, state: Path | None) -> tuple[sqlite3.Connection, Path]:
    """The state file, read-only, and its directory; exits with one line when there is none."""
    from agent.delivery.store import default_directory
    from agent.delivery.store.database_file import NAME
    from agent.delivery.store.read_only import open_read_only
    from agent.savings.ledger.verify import check_tables

    place = state or (config.state_dir if config else None) or default_directory()
    try:
        path = place / NAME if place.is_dir() else place
        exists = path.is_file()
    except PermissionError as error:
        fail(_("{path}: {error}; run the command as the user of the service: "
               "sudo -u magwatt magwatt …", path=str(place), error=cause_of(error)))  # fmt: skip
    except OSError as error:
        fail(text_of(FILE_UNREADABLE(path=str(place), error=cause_of(error))))
    if not exists:
        fail(_("{path}: no state file; `magwatt run` creates it; use --state to name a copy", path=str(path)))
    try:
        db = open_read_only(path)
        if reason := check_tables(db, path):
            fail(text_of(reason))
    except sqlite3.Error as error:
        fail(_("{path}: not a state file of magwatt ({error})", path=str(path), error=str(error)))
    return db, path.parent


def fail_unreadable(directory: Path, error: sqlite3.Error) -> NoReturn:
    """Exits with one line: the state file is corrupt."""
    fail(_("{path}: the state file cannot be read completely ({error}); use a copy of it, or start `magwatt run`, "
           "which replaces a corrupt file", path=str(directory), error=str(error)))  # fmt: skip


def external_checkpoints(files: Sequence[Path], config: Config | None) -> ExternalCheckpoints:
    """Checkpoints by file name; those of the checkpoint file of the configuration are included."""
    from agent.savings.ledger import checkpoints

    own = config.checkpoint_file if config else None
    found: dict[str, list[dict[str, Any]]] = {}
    for path in [*files, *([own] if own and own.is_file() else [])]:
        try:
            found[str(path)] = checkpoints.read(path.read_text(encoding="utf-8"))
        except OSError as error:
            fail(text_of(FILE_UNREADABLE(path=str(path), error=cause_of(error))))
        except ValueError as error:
            fail(_("{path}: {error}", path=str(path), error=text_of(error)))
    return found


def expected_key(key_file: Path | None, directory: Path) -> LedgerKey | None:
    """The key of --key, else that of the state directory, else None."""
    from agent.savings.ledger.signing_key import FILE, LedgerKeyError, load

    path = key_file or directory / FILE
    if key_file is None and not path.is_file():
        return None
    try:
        return load(path)
    except LedgerKeyError as error:
        if key_file:
            fail(text_of(error))
        fail(_("{cause}; run the command as the user of the service (sudo -u magwatt magwatt …), or "
               "give the JSON of a report with --key", cause=error.reason))  # fmt: skip
