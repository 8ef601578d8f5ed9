"""Permissions of another account, against what the kernel permits a process of that account."""

from __future__ import annotations

import itertools
import os
import pwd
import subprocess
from pathlib import Path

import pytest

from agent.core.account import ENTER, READ, WRITE, UserAccount, account_of, creation_denial, denial, own_account
from drivers.reasons import InvalidValue

UID, GID = 54321, 54322  # of no account of this system
ASK = 'while [ $# -gt 0 ]; do if test "$1" "$2"; then echo True; else echo False; fi; shift 2; done'


def open_folders(folder: Path) -> None:
    for place in (folder, *folder.parents):
        if place.stat().st_uid == os.getuid() and place != Path("/"):
            place.chmod(place.stat().st_mode | 0o011)


@pytest.mark.skipif(os.geteuid() != 0, reason="another account needs root")
def test_the_kernel_agrees(tmp_path: Path) -> None:
    """All owners, groups and modes that differ, asked of the kernel by a process of the account."""
    open_folders(tmp_path)
    asked: list[tuple[Path, int]] = []
    for number, (owner, group, mode) in enumerate(
        itertools.product((UID, 0), (GID, 0), (0o600, 0o060, 0o006, 0o640, 0o000))
    ):
        folder = tmp_path / str(number)
        folder.mkdir(mode=0o711)
        file = folder / "file"
        file.touch()
        os.chown(file, owner, group)
        file.chmod(mode)
        asked += [(file, READ), (file, WRITE)]
    for mode in (0o700, 0o710, 0o701):
        folder = tmp_path / f"closed-{mode:o}"
        folder.mkdir()
        (folder / "file").touch(0o644)
        os.chown(folder, 0, GID)
        folder.chmod(mode)
        asked.append((folder / "file", READ))
    words = [word for path, mode in asked for word in ("-r" if mode == READ else "-w", str(path))]
    done = subprocess.run(["/bin/sh", "-c", ASK, "sh", *words], user=UID, group=GID, extra_groups=[], check=True,
                          capture_output=True, text=True, cwd="/")  # fmt: skip
    account = UserAccount("a", UID, frozenset([GID]))
    assert [str(denial(account, path, mode) is None) for path, mode in asked] == done.stdout.split()


def test_the_folder_that_denies_is_named(tmp_path: Path) -> None:
    open_folders(tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "file").touch(0o644)
    closed.chmod(0o700)
    found = denial(UserAccount("a", UID, frozenset([GID])), closed / "file", READ)
    assert found is not None
    assert (found.path, found.is_folder, found.mode, found.owner) == (closed.resolve(), True, 0o700, closed.owner())


def test_a_link_has_the_permissions_of_its_target(tmp_path: Path) -> None:
    open_folders(tmp_path)
    (tmp_path / "target").touch()
    (tmp_path / "target").chmod(0o600)
    (tmp_path / "link").symlink_to("target")
    found = denial(UserAccount("a", UID, frozenset([GID])), tmp_path / "link", READ)
    assert found is not None
    assert found.path == (tmp_path / "target").resolve()


def test_a_folder_is_created_in_its_nearest_existing_parent(tmp_path: Path) -> None:
    open_folders(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "here").chmod(0o777)
    account = UserAccount("a", UID, frozenset([GID]))
    assert creation_denial(account, tmp_path / "here" / "b" / "c") is None
    (tmp_path / "here").chmod(0o755)
    found = creation_denial(account, tmp_path / "here" / "b" / "c")
    assert found is not None
    assert found.path == (tmp_path / "here").resolve()
    assert denial(account, tmp_path / "here", READ | ENTER) is None


def test_accounts_by_name() -> None:
    me = pwd.getpwuid(os.geteuid())
    assert account_of(me.pw_name).uid == own_account().uid
    assert me.pw_gid in account_of(me.pw_name).gids
    with pytest.raises(InvalidValue):
        account_of("no-such-user")
