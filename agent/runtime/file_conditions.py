"""Why an account cannot use a file, folder or serial port of the configuration, with the command that corrects it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from agent.core.account import READ, WRITE, Denial, UserAccount, creation_denial, denial
from agent.runtime import reasons as codes
from drivers.reasons import Reason, cause_of


def cannot_read(account: UserAccount, file: Path, secret: bool) -> Reason | None:
    """The problem with an existing file; None: the account can read it. secret: only its owner may read it."""
    found = _examined(file, lambda: denial(account, file, READ))
    if not isinstance(found, Denial):
        return found
    if found.is_folder:
        return codes.FOLDER_FORBIDDEN(folder=str(found.path), **_owner(account, file, found))
    return (codes.SECRET_FORBIDDEN if secret else codes.FILE_FORBIDDEN)(**_owner(account, file, found))


def cannot_create(account: UserAccount, folder: Path) -> Reason | None:
    """Why the account cannot create files in a folder, or the folder; None: it can."""
    found = _examined(folder, lambda: creation_denial(account, folder))
    if not isinstance(found, Denial):
        return found
    if found.path == Path(os.path.realpath(folder)):
        return codes.FOLDER_UNWRITABLE(**_owner(account, folder, found))
    return codes.FOLDER_NOT_CREATED(folder=str(found.path), **_owner(account, folder, found))


def cannot_open_port(account: UserAccount, port: Path) -> Reason | None:
    """Why the account cannot open a serial port; None: it can."""
    try:
        if not port.exists():
            return codes.PORT_NOT_PLUGGED_IN()
    except OSError as error:
        return codes.ACCESS_NOT_EXAMINED(path=str(port), error=cause_of(error))
    found = _examined(port, lambda: denial(account, port, READ | WRITE))
    if not isinstance(found, Denial):
        return found
    shared = found.mode & (stat.S_IRGRP | stat.S_IWGRP) == stat.S_IRGRP | stat.S_IWGRP
    if found.is_folder or not shared or found.gid == 0:
        return codes.PORT_WITHOUT_GROUP(**_owner(account, port, found))
    return codes.PORT_GROUP_MISSING(user=account.name, path=str(port), group=found.group)


def _examined(path: Path, examine: Callable[[], Denial | None]) -> Denial | Reason | None:
    try:
        return examine()
    except OSError as error:
        return codes.ACCESS_NOT_EXAMINED(path=str(path), error=cause_of(error))


def _owner(account: UserAccount, path: Path, found: Denial) -> dict[str, str | int]:
    return {
        "user": account.name,
        "path": str(path),
        "owner": found.owner,
        "group": found.group,
        "mode": found.mode,
    }
