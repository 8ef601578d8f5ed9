"""Writes a backup while the agent runs: copies of the databases, the key, and the configuration with its files.

Each database is copied in one read transaction of SQLite's backup interface: the copy is the state of one moment, and
the agent continues to write. The backup gets its name when it is complete and was checked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from agent import VERSION
from agent.alarms.operator_log import FILE as ALARMS_FILE
from agent.backup import archive
from agent.backup import reasons as codes
from agent.backup.checks import database_problem, ledger_problem
from agent.backup.config_files import ConfigFiles, config_files
from agent.backup.manifest import SCHEMA, BackupPart, Manifest
from agent.config.model import Config
from agent.core.files import sync_directory
from agent.core.text import N_
from agent.delivery.store.database_file import NAME
from agent.delivery.store.migrations import version
from agent.delivery.store.run_file import FILE_NAME as RUN_FILE
from agent.delivery.store.storage_errors import is_damage
from agent.delivery.store.stored_entries import unreadable
from agent.runtime.maintenance import FILE as MAINTENANCE_FILE
from agent.savings.ledger.signing_key import FILE as KEY_FILE
from drivers.reasons import CodedError, InvalidValue, Reason, cause_of

LOCKED_S = 5.0  # longest wait for a lock of a database
DATABASES = (NAME, MAINTENANCE_FILE, ALARMS_FILE)
FILES = (KEY_FILE, RUN_FILE)
TEMPORARY = ".magwatt-backup-"  # start of the names of temporary folders; one that a kill left is removed


class BackupResult(msgspec.Struct, frozen=True):
    """notes: its records of commissioning, and what is not in it.
    finding: what is wrong with its content; None: nothing."""

    manifest: Manifest
    notes: tuple[Reason, ...]
    finding: Reason | None


def back_up(
    config: Config, state_dir: Path, target: Path, made_ms: int, with_secrets: bool = False,
    report: Callable[[str], None] = lambda _step: None,
) -> BackupResult:  # fmt: skip
    """Writes the file `target`, mode 0600, which must not exist.

    report: receives a source text for each step that takes time.
    Raises CodedError; then there is no file.
    """
    state_file = state_dir / NAME
    if error := unreadable(state_dir):
        raise InvalidValue(codes.STATE_NOT_READ, path=str(state_file), error=cause_of(error))
    if not state_file.exists():
        raise InvalidValue(codes.NOTHING_TO_BACK_UP, path=str(state_file))
    if os.path.lexists(target):
        raise InvalidValue(codes.BACKUP_EXISTS, path=str(target))
    try:
        with _temporary(target.parent) as folder:
            files = _collect(config, state_dir, folder, with_secrets, report)
            report(N_("verify the ledger"))
            finding = _ledger_finding(folder)
            manifest = _manifest(config, state_dir, folder, made_ms, files)
            report(N_("write and check the file"))
            archive.write(folder / "backup", manifest, [(part, path) for part, path in files.parts])
            with archive.opened(folder / "backup") as written:
                written.check()
            _move(folder / "backup", target)
    except (OSError, sqlite3.Error) as error:
        raise CodedError(codes.BACKUP_FAILED, path=str(target), error=cause_of(error)) from None
    return BackupResult(manifest, files.notes, finding)


@contextlib.contextmanager
def _temporary(parent: Path) -> Iterator[Path]:
    """A folder next to the backup, locked while it is in use; those of killed processes are removed. Raises OSError."""
    for stale in parent.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError), _locked(stale):
            shutil.rmtree(stale, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=parent))
    try:
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(opened)


def _collect(
    config: Config, state_dir: Path, folder: Path, with_secrets: bool, report: Callable[[str], None]
) -> ConfigFiles:
    """Copies everything into the temporary folder; the parts of the backup with the paths of their copies."""
    report(N_("copy the state"))
    (folder / "state").mkdir()
    found: list[tuple[BackupPart, Path]] = []
    for name in DATABASES:
        if (state_dir / name).is_file():
            copy = folder / "state" / name
            _copy_database(state_dir / name, copy)
            found.append((archive.part_of(f"state/{name}", copy, state_dir / name), copy))
    for name in FILES:  # after the databases: the number of the newest run is not below theirs
        if (state_dir / name).is_file():
            copy = folder / "state" / name
            shutil.copyfile(state_dir / name, copy)
            found.append((archive.part_of(f"state/{name}", copy, state_dir / name), copy))
    of_config = config_files(config, folder / "config", with_secrets)
    return ConfigFiles((*found, *of_config.parts), of_config.notes, of_config.omitted)


def _copy_database(source: Path, copy: Path) -> None:
    """Raises sqlite3.Error; InvalidValue when the database is corrupt."""
    # not as immutable, where the WAL is not read
    opened = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=LOCKED_S)
    with contextlib.closing(opened) as db, contextlib.closing(sqlite3.connect(copy)) as target:
        try:
            db.backup(target)
            target.execute("pragma journal_mode = delete")  # one file, also when it is opened
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise InvalidValue(codes.SOURCE_CORRUPT, path=str(source), error=str(error)) from None
            raise
    if (problem := database_problem(copy)) is not None:
        raise InvalidValue(codes.SOURCE_CORRUPT, path=str(source), error=problem)


def _ledger_finding(folder: Path) -> Reason | None:
    problem = ledger_problem(folder / "state")
    return codes.LEDGER_NOT_VALID(problem=problem) if problem is not None else None


def _manifest(config: Config, state_dir: Path, folder: Path, made_ms: int, files: ConfigFiles) -> Manifest:
    with contextlib.closing(sqlite3.connect(folder / "state" / NAME)) as db:
        schema = version(db)
        run = _first(db, "select max(n) from boots")
        records = _first(db, "select max(seq) from ledger")
        hash_ = _first(db, "select hash from ledger order by seq desc limit 1")
    site = config.site
    return Manifest(
        SCHEMA, VERSION, made_ms, site.id, site.gateway, site.timezone, schema, int(run or 0), int(records or 0),
        str(hash_ or ""), str(config.path.resolve()), str(state_dir.resolve()), tuple(part for part, _ in files.parts),
        files.omitted,
    )  # fmt: skip


def _first(db: sqlite3.Connection, query: str) -> Any:
    """The value of a query; None: there is none, or the table belongs to another version."""
    with contextlib.suppress(sqlite3.OperationalError):
        for (value,) in db.execute(query):
            return value
    return None


def _move(complete: Path, target: Path) -> None:
    """Gives the backup its name; never replaces a file. Raises OSError, InvalidValue."""
    try:
        os.link(complete, target)
    except FileExistsError:
        raise InvalidValue(codes.BACKUP_EXISTS, path=str(target)) from None
    except OSError:  # a file system without links
        complete.rename(target)
    sync_directory(target.parent)
