"""What root writes for the service belongs to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.basics import HandClock
from support.store import measure, small

from agent.commissioning.init.answers import write_atomically
from agent.commissioning.init.session import write_password
from agent.delivery.store import Store

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
USER, GROUP = 61234, 61235  # of no account


def owner(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid


def test_a_configuration_gets_the_owner_of_its_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 0, GROUP)
    write_atomically(tmp_path / "plant.toml", "[site]\n")
    assert owner(tmp_path / "plant.toml") == (0, GROUP)


def test_a_password_gets_the_owner_of_its_folder_and_stays_private(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o750)
    os.chown(secrets, USER, GROUP)
    write_password(secrets / "mqtt", "correct horse")
    assert owner(secrets / "mqtt") == (USER, GROUP)
    assert (secrets / "mqtt").stat().st_mode & 0o777 == 0o600


def test_a_state_file_that_a_command_of_root_creates_can_be_opened_by_the_agent(
    tmp_path: Path, clock: HandClock
) -> None:
    """`sudo magwatt commission` before the first start of the service."""
    state = tmp_path / "state"
    state.mkdir(mode=0o750)
    os.chown(state, USER, GROUP)
    store = Store(state, clock, small())
    measure(store, 3)
    files = {path.name: owner(path) for path in state.iterdir()}
    store.close()
    assert "magwatt.sqlite" in files
    assert set(files.values()) == {(USER, GROUP)}
