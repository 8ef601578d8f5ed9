"""The file of a backup: a tar archive, the manifest first. Only files that the manifest names are read from it."""

from __future__ import annotations

import grp
import hashlib
import io
import os
import pwd
import stat
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from agent.alarms.operator_log import FILE as ALARMS_FILE
from agent.backup.manifest import FILE, SCHEMA, BackupPart, Manifest
from agent.backup.reasons import BACKUP_DAMAGED, BACKUP_TOO_NEW, NOT_A_BACKUP
from agent.core.files import sync_directory
from agent.delivery.store.database_file import NAME
from agent.delivery.store.migrations import VERSION
from agent.delivery.store.run_file import FILE_NAME as RUN_FILE
from agent.runtime.maintenance import FILE as MAINTENANCE_FILE
from agent.savings.ledger.signing_key import FILE as KEY_FILE
from drivers.reasons import InvalidValue, cause_of

CHUNK = 1 << 20
MANIFEST_BYTES_MAX = 1 << 20
STATE_FILES = frozenset((NAME, MAINTENANCE_FILE, ALARMS_FILE, KEY_FILE, RUN_FILE))


def part_of(name: str, path: Path, owner: Path | None = None) -> BackupPart:
    """A file as a part with this name. owner: the file whose owner and mode it has on the gateway. Raises OSError."""
    found = (owner or path).stat()
    user = group = ""
    with suppress(KeyError):
        user = pwd.getpwuid(found.st_uid).pw_name
    with suppress(KeyError):
        group = grp.getgrgid(found.st_gid).gr_name
    with path.open("rb") as file:
        size, sha256 = _hashed(file, None)
    return BackupPart(name, size, sha256, stat.S_IMODE(found.st_mode), user, group)


def write(path: Path, manifest: Manifest, files: Iterable[tuple[BackupPart, Path]]) -> None:
    """Writes an archive with mode 0600 and syncs it to the disk. Raises OSError."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
            archive.addfile(_entry(FILE, len(text), manifest.made_ms), io.BytesIO(text))
            for part, source in files:
                with source.open("rb") as content:
                    archive.addfile(_entry(part.name, part.size, manifest.made_ms), content)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)


def _entry(name: str, size: int, made_ms: int) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size, found.mode, found.mtime = size, 0o600, made_ms // 1000
    return found


class Backup:
    """An opened backup.

    manifest: checked: its format and that of the state file are known, and its parts have safe names.
    """

    def __init__(self, path: Path, archive: tarfile.TarFile) -> None:
        self._path, self._archive = path, archive
        try:
            entry = archive.next()
            if entry is None or entry.name != FILE or not entry.isreg() or entry.size > MANIFEST_BYTES_MAX:
                raise InvalidValue(NOT_A_BACKUP, path=str(path), error=FILE)
            content = archive.extractfile(entry)
            assert content is not None
            self.manifest = msgspec.json.decode(content.read(), type=Manifest)
        except (tarfile.TarError, OSError, msgspec.MsgspecError) as error:
            raise InvalidValue(NOT_A_BACKUP, path=str(path), error=cause_of(error)) from None
        if self.manifest.s != SCHEMA or self.manifest.schema > VERSION:
            raise InvalidValue(BACKUP_TOO_NEW, path=str(path), version=self.manifest.version,
                               schema=self.manifest.schema, supported=VERSION)  # fmt: skip
        names = [part.name for part in self.manifest.parts]
        if unsafe := [name for name in names if not _safe(name) or names.count(name) > 1]:
            raise InvalidValue(NOT_A_BACKUP, path=str(path), error=unsafe[0])

    def check(self, folder: Path | None = None) -> None:
        """Reads all parts and compares them with the manifest.

        folder: where they are written, each under its name; None: nowhere.
        Raises InvalidValue when a part differs or is missing, OSError when it cannot be written.
        """
        parts = {part.name: part for part in self.manifest.parts}
        try:
            for entry in self._archive:
                if (part := parts.pop(entry.name, None)) is not None:
                    self._read(entry, part, folder)
        except (tarfile.TarError, EOFError):
            pass  # the rest is missing
        if parts:
            raise InvalidValue(BACKUP_DAMAGED, path=str(self._path), part=next(iter(parts)))

    def _read(self, entry: tarfile.TarInfo, part: BackupPart, folder: Path | None) -> None:
        content = self._archive.extractfile(entry) if entry.isreg() else None
        if content is None or entry.size != part.size:
            raise InvalidValue(BACKUP_DAMAGED, path=str(self._path), part=part.name)
        if folder is None:
            found = _hashed(content, None)
        else:
            target = folder / part.name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                found = _hashed(content, file)
                file.flush()
                os.fsync(file.fileno())
        if found != (part.size, part.sha256):
            raise InvalidValue(BACKUP_DAMAGED, path=str(self._path), part=part.name)


@contextmanager
def opened(path: Path) -> Iterator[Backup]:
    """A backup for reading. Raises InvalidValue when it is none, or one of a later version."""
    try:
        archive = tarfile.open(path, "r:")  # noqa: SIM115 - closed below
    except (tarfile.TarError, OSError) as error:
        raise InvalidValue(NOT_A_BACKUP, path=str(path), error=cause_of(error)) from None
    with archive:
        yield Backup(path, archive)


def _safe(name: str) -> bool:
    """Whether this is a file of the state, or a name that stays below the folder of the configuration."""
    path = PurePosixPath(name)
    folder, *inner = path.parts
    if str(path) != name or ".." in inner or not inner:
        return False
    return folder == "config" or (folder == "state" and len(inner) == 1 and inner[0] in STATE_FILES)


def _hashed(source: IO[bytes], target: IO[bytes] | None) -> tuple[int, str]:
    """Size and SHA-256 of a content, which is copied to the target."""
    size, found = 0, hashlib.sha256()
    while chunk := source.read(CHUNK):
        size += len(chunk)
        found.update(chunk)
        if target is not None:
            target.write(chunk)
    return size, found.hexdigest()
