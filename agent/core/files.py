"""Files that are read up to a size, files that survive a power failure, and their owner."""

from __future__ import annotations

import os
from pathlib import Path

from drivers.file_reasons import FILE_MISSING, FILE_UNREADABLE
from drivers.reasons import Code, InvalidValue, cause_of


def give_owner_of_folder(path: Path) -> None:
    """As root: gives a new file to the owner and group of its folder, so that the account of the service can read what
    an operator creates with sudo in /etc/magwatt. Raises OSError."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def sync_directory(directory: Path) -> None:
    """Writes the names in a directory to the disk, after a file was renamed in it. Raises OSError."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read_up_to(path: Path, bytes_max: int, too_large: Code) -> bytes:
    """The content of a file. too_large: with the fields path and size_max_mb. Raises InvalidValue."""
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except FileNotFoundError:
        raise InvalidValue(FILE_MISSING, path=str(path)) from None
    except OSError as error:
        raise InvalidValue(FILE_UNREADABLE, path=str(path), error=cause_of(error)) from None
    if len(data) > bytes_max:
        raise InvalidValue(too_large, path=str(path), size_max_mb=bytes_max / 1e6)
    return data
