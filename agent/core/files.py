"""Files that survive a power failure, and their owner."""

from __future__ import annotations

import os
from pathlib import Path


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
