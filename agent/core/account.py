"""Whether an account of this computer may read or write a file: by owner, groups and mode of the file and of each
folder of its path, so that no switch to that account is necessary.

A file or folder with an access control list is taken as permitted, because the list may permit what the mode does not.
Limits of a service (systemd's sandbox) and file systems mounted read-only are not known here.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
from pathlib import Path

from msgspec import Struct

from drivers.reasons import Code, InvalidValue

READ, WRITE, ENTER = 0o4, 0o2, 0o1
_ACL = "system.posix_acl_access"
ACCOUNT_UNKNOWN = Code("account_unknown", "no such user on this computer")


class UserAccount(Struct, frozen=True):
    """An account of this computer. uid, gids: its number, and those of its groups."""

    name: str
    uid: int
    gids: frozenset[int]


class Denial(Struct, frozen=True):
    """The file or folder that an account may not use.

    path: the file or folder. is_folder: whether it is a folder. gid: its group.
    owner, group: names, or numbers without a name.
    mode: permission bits.
    """

    path: Path
    is_folder: bool
    owner: str
    group: str
    gid: int
    mode: int


def own_account() -> UserAccount:
    """The account of this process."""
    uid = os.geteuid()
    return UserAccount(_user(uid), uid, frozenset((os.getegid(), *os.getgroups())))


def account_of(name: str) -> UserAccount:
    """An account by its name. Raises InvalidValue if there is none."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise InvalidValue(ACCOUNT_UNKNOWN) from None
    return UserAccount(name, found.pw_uid, frozenset(os.getgrouplist(name, found.pw_gid)))


def denial(account: UserAccount, path: Path, permission: int) -> Denial | None:
    """What prevents the account from using an existing file or folder; None: nothing.

    permission: READ, WRITE and ENTER, added. Raises OSError if this process cannot examine the path.
    """
    real = Path(os.path.realpath(path))
    for folder in reversed(real.parents):
        if found := _denial(account, folder, ENTER):
            return found
    return _denial(account, real, permission)


def creation_denial(account: UserAccount, folder: Path) -> Denial | None:
    """What prevents the account from creating files in a folder, which it may create itself if it is missing."""
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return denial(account, existing, WRITE | ENTER)


def _denial(account: UserAccount, path: Path, permission: int) -> Denial | None:
    found = path.stat()
    if account.uid == 0:
        return None
    shift = 6 if found.st_uid == account.uid else 3 if found.st_gid in account.gids else 0
    if found.st_mode >> shift & permission == permission or _has_acl(path):
        return None
    folder, mode = stat.S_ISDIR(found.st_mode), stat.S_IMODE(found.st_mode)
    return Denial(path, folder, _user(found.st_uid), _group(found.st_gid), found.st_gid, mode)


def _has_acl(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return _ACL in os.listxattr(path)
    return False


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
