"""Restores a backup. Everything is checked in a temporary folder before the first file is changed, and what was there
before is kept.

The restored state continues as a new run: its number is above all that the gateway can have used since the backup, so
that no id is used twice. The ledger gets a record of kind `restore`, from which `magwatt ledger verify` shows that
records after the backup are missing.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from agent.backup import archive
from agent.backup import reasons as codes
from agent.backup.archive import STATE_FILES
from agent.backup.checks import database_problem, ledger_problem
from agent.backup.continuation import continue_state
from agent.backup.manifest import BackupPart, Manifest
from agent.core.files import sync_directory
from agent.core.text import N_
from agent.delivery.store.database_file import NAME
from agent.delivery.store.lock import StateLock
from drivers.reasons import CodedError, InvalidValue, Reason, cause_of

STAGE = "restore.part"  # in the state directory
KEPT = "before-restore"  # start of the names of what was there before


class RestorePlaces(msgspec.Struct, frozen=True):
    """config_file, state_dir: where a backup is restored to."""

    config_file: Path
    state_dir: Path


class RestoreResult(msgspec.Struct, frozen=True):
    """What was restored.

    places: where.
    kept: what was there before, under its new names.
    finding: what is wrong with the ledger of the backup; None: nothing.
    """

    manifest: Manifest
    places: RestorePlaces
    kept: tuple[Path, ...]
    finding: Reason | None


def places_of(manifest: Manifest, config_file: Path | None = None, state_dir: Path | None = None) -> RestorePlaces:
    """The places on the gateway, or others; a state directory below the folder of the configuration moves with it."""
    home, state = Path(manifest.config_file).parent, Path(manifest.state_dir)
    target = (config_file or Path(manifest.config_file)).absolute()
    if state_dir is None and state.is_relative_to(home):
        state_dir = target.parent / state.relative_to(home)
    return RestorePlaces(target, (state_dir or state).absolute())


def restore(
    path: Path, now_ms: int, config_file: Path | None = None, state_dir: Path | None = None,
    report: Callable[[str], None] = lambda _step: None,
) -> RestoreResult:  # fmt: skip
    """Restores the backup `path`.

    now_ms: UTC.
    report: receives a source text for each step that takes time.
    Raises StateInUse while another process uses the state directory; other CodedErrors name what was changed.
    """
    with archive.opened(path) as backup:
        places = places_of(backup.manifest, config_file, state_dir)
        _must_be_writable(places)
        is_new = not places.state_dir.exists()
        try:
            _make_folder(places.state_dir, 0o700, _state_part(backup.manifest))
            with StateLock(places.state_dir, "restore", now_ms), _stage(places.state_dir) as stage:
                finding = _prepare(path, backup, stage, places.state_dir, now_ms, report)
                kept = _replace(stage, places, backup.manifest, now_ms)
        except (OSError, sqlite3.Error) as error:
            raise CodedError(codes.NOTHING_RESTORED, error=cause_of(error)) from None
        finally:
            if is_new and not (places.state_dir / NAME).exists():
                shutil.rmtree(places.state_dir, ignore_errors=True)
    return RestoreResult(backup.manifest, places, kept, finding)


def _must_be_writable(places: RestorePlaces) -> None:
    """Raises CodedError when this user cannot write to one of the places."""
    for folder in (places.state_dir, places.config_file.parent):
        nearest = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
        if not os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
            raise CodedError(codes.PLACE_NOT_WRITABLE, path=str(folder))


def _prepare(
    path: Path, backup: archive.Backup, stage: Path, present: Path, now_ms: int, report: Callable[[str], None]
) -> Reason | None:
    """Everything that can fail without a change of what is there: reads and checks the backup, and continues the
    state. Returns what is wrong with its ledger. Raises InvalidValue, CodedError, OSError, sqlite3.Error."""
    report(N_("check the file"))
    backup.check(stage)
    _check_databases(path, stage, backup.manifest)
    report(N_("verify the ledger"))
    problem = ledger_problem(stage / "state")
    continue_state(stage / "state", present, backup.manifest, now_ms)
    for part in backup.manifest.parts:
        (stage / part.name).chmod(part.mode & 0o777)
        _give(stage / part.name, part)
    for name in _added(stage, backup.manifest):
        (stage / "state" / name).chmod(0o600)
        _give(stage / "state" / name, _state_part(backup.manifest))
    return codes.LEDGER_NOT_VALID(problem=problem) if problem is not None else None


@contextlib.contextmanager
def _stage(state_dir: Path) -> Iterator[Path]:
    """A folder on the file system of the state; one that a kill left is removed. Raises CodedError."""
    stage = state_dir / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(0o700)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _check_databases(path: Path, stage: Path, manifest: Manifest) -> None:
    """Raises InvalidValue when the state cannot be used."""
    for part in manifest.parts:
        if part.name.endswith(".sqlite") and (problem := database_problem(stage / part.name)) is not None:
            raise InvalidValue(codes.BACKUP_PART_INVALID, path=str(path), part=part.name, error=problem)
    for name in (f"state/{NAME}", f"config/{Path(manifest.config_file).name}"):
        if not (stage / name).is_file():
            raise InvalidValue(codes.BACKUP_DAMAGED, path=str(path), part=name)


def _state_part(manifest: Manifest) -> BackupPart:
    """The state file; a backup without one is rejected later."""
    return next((part for part in manifest.parts if part.name == f"state/{NAME}"), BackupPart("", 0, ""))


def _replace(stage: Path, places: RestorePlaces, manifest: Manifest, now_ms: int) -> tuple[Path, ...]:
    """Moves the restored files to their places and what was there before to new names; the state file last. After a
    kill in between the restoration can be repeated. Raises CodedError."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_ms / 1000))
    folder = _free(places.state_dir / f"{KEPT}-{stamp}")
    kept: list[Path] = []
    try:
        for part in manifest.parts:
            if part.name.startswith("config/"):
                kept += _replace_config_file(stage / part.name, _config_target(part, places, manifest), part, stamp)
        for name in (f"{name}{suffix}" for name in STATE_FILES for suffix in ("", "-wal", "-shm", "-journal")):
            if (places.state_dir / name).exists():
                folder.mkdir(0o700, exist_ok=True)
                (places.state_dir / name).rename(folder / name)
        for source in sorted((stage / "state").iterdir(), key=lambda source: source.name == NAME):
            source.rename(places.state_dir / source.name)
        sync_directory(places.state_dir)
    except OSError as error:
        raise CodedError(codes.RESTORE_FAILED, error=cause_of(error), kept=str(folder)) from None
    return (*kept, *([folder] if folder.exists() else []))


def _replace_config_file(source: Path, target: Path, part: BackupPart, stamp: str) -> list[Path]:
    """Writes a file of the configuration, which can be on another file system; the new path of another one that was
    there. Raises OSError."""
    if target.exists() and target.read_bytes() == source.read_bytes():
        return []
    _make_folder(target.parent, 0o750, part)
    complete = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, complete)
    complete.chmod(part.mode & 0o777)
    _give(complete, part)
    kept = []
    if target.exists():
        kept.append(_free(target.with_name(f"{target.name}.{KEPT}-{stamp}")))
        target.rename(kept[0])
    complete.rename(target)
    sync_directory(target.parent)
    return kept


def _added(stage: Path, manifest: Manifest) -> list[str]:
    """Files of the state that the restoration created."""
    known = {part.name for part in manifest.parts}
    return [path.name for path in (stage / "state").iterdir() if f"state/{path.name}" not in known]


def _config_target(part: BackupPart, places: RestorePlaces, manifest: Manifest) -> Path:
    name = part.name.removeprefix("config/")
    return places.config_file if name == Path(manifest.config_file).name else places.config_file.parent / name


def _make_folder(folder: Path, mode: int, part: BackupPart) -> None:
    """Creates a folder and its missing parents, as root for the user and group of a part. Raises OSError."""
    for each in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
        each.mkdir(mode if each == folder else 0o750)
        each.chmod(mode if each == folder else 0o750)  # whatever the umask
        _give(each, part)


def _free(path: Path) -> Path:
    """The path, or one with a number that does not exist yet."""
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def _give(path: Path, part: BackupPart) -> None:
    """As root: gives a file to the user and group of a part, if they exist on this computer."""
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(part.user).pw_uid if part.user else -1
            group = grp.getgrnam(part.group).gr_gid if part.group else -1
            os.chown(path, user, group)
