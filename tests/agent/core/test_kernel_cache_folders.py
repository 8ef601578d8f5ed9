"""Cache directories: those of versions that no installation uses are deleted; used or running ones are kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.core import kernel_cache, kernel_cache_folders
from agent.core.kernel_cache_folders import UNNAMED_S, USED, enter, sweep

HOLD = """
import sys
from pathlib import Path
from agent.core.kernel_cache_folders import enter
enter(Path(sys.argv[1]), sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def let_go() -> object:
    """Releases the locks that this process acquired in a test."""
    before = len(kernel_cache_folders.held_locks)
    yield
    release(before)


def release(keep: int) -> None:
    while len(kernel_cache_folders.held_locks) > keep:
        kernel_cache_folders.held_locks.pop().close()


def installed(place: Path) -> str:
    """An installation with its sources, as it is listed."""
    (place / "dsp").mkdir(parents=True, exist_ok=True)
    return f"{place}\t{place / 'dsp'}"


def left_by(root: Path, version: str, *who: str) -> Path:
    """A directory of that version, as a process that has ended leaves it."""
    before, folder = len(kernel_cache_folders.held_locks), root / f"kernels-{version}"
    for name in who:
        enter(folder, name)
    release(before)
    (folder / "power.nbi").write_bytes(bytes(1000))
    return folder


def test_an_upgrade_in_place_deletes_the_cache_of_the_previous_version(tmp_path: Path) -> None:
    me = installed(tmp_path / "venv")
    old, new = left_by(tmp_path, "1", me), left_by(tmp_path, "2", me)
    assert sweep(tmp_path, new, me) == [old]
    assert (old.exists(), new.exists()) == (False, True)


def test_the_cache_of_a_running_previous_version_is_kept_until_it_ends(tmp_path: Path) -> None:
    me = installed(tmp_path / "venv")
    old, new = left_by(tmp_path, "1", me), left_by(tmp_path, "2", me)
    command = [sys.executable, "-c", HOLD, str(old), me]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == "held\n"
        assert sweep(tmp_path, new, me) == []
        agent.kill()
    assert sweep(tmp_path, new, me) == [old]


def test_the_cache_of_another_installation_is_kept_while_it_exists(tmp_path: Path) -> None:
    me, other = installed(tmp_path / "venv"), installed(tmp_path / "other")
    theirs, new = left_by(tmp_path, "1", other), left_by(tmp_path, "2", me)
    assert sweep(tmp_path, new, me) == []
    (tmp_path / "other" / "dsp").rmdir()
    assert sweep(tmp_path, new, me) == [theirs]


def test_a_shared_version_is_deleted_when_both_installations_use_a_later_one(tmp_path: Path) -> None:
    me, other = installed(tmp_path / "venv"), installed(tmp_path / "other")
    shared, new = left_by(tmp_path, "1", me, other), left_by(tmp_path, "2", me, other)
    assert sweep(tmp_path, new, me) == []
    assert sweep(tmp_path, new, other) == [shared]


def test_a_folder_of_an_earlier_release_is_deleted_after_a_month_without_writes(tmp_path: Path) -> None:
    me = installed(tmp_path / "venv")
    new = left_by(tmp_path, "2", me)
    unnamed = tmp_path / "kernels-0"
    (unnamed / "power").mkdir(parents=True)
    kernel = unnamed / "power" / "power.nbi"
    kernel.write_bytes(bytes(1000))
    assert sweep(tmp_path, new, me) == []
    for path in (kernel, kernel.parent):
        os.utime(path, times=(time.time() - UNNAMED_S - 60,) * 2)
    assert sweep(tmp_path, new, me) == [unnamed]


def test_entering_a_folder_during_its_deletion_creates_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking the file another process deletes the directory."""
    me = installed(tmp_path / "venv")
    folder = left_by(tmp_path, "1", me)
    flock, first = kernel_cache_folders.fcntl.flock, [True]

    def late(file: object, how: int) -> None:
        if first.pop() if first else False:
            (folder / "power.nbi").unlink()
            (folder / USED).unlink()
            folder.rmdir()
        flock(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(kernel_cache_folders.fcntl, "flock", late)
    enter(folder, me)
    assert (folder / USED).read_text(encoding="utf-8") == f"{me}\n"


def test_the_cache_of_this_process_is_entered_and_the_old_ones_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "magwatt"
    root.mkdir(mode=0o700)
    old = left_by(root, "0123456789abcdef", kernel_cache_folders.installation())
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    folder = kernel_cache.use_cache()
    assert folder.parent == root
    assert kernel_cache_folders.installation() in (folder / USED).read_text(encoding="utf-8")
    assert not old.exists()


def test_doctor_uses_the_cache_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sudo -u magwatt magwatt doctor` has the account of the service, but not its environment."""
    service = tmp_path / "magwatt"
    service.mkdir(mode=0o700)
    monkeypatch.setattr(kernel_cache, "SERVICE_CACHE", service)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "CACHE_DIRECTORY"):
        monkeypatch.setenv(name, "")  # restored afterwards, also where it is not set
        monkeypatch.delenv(name)
    assert kernel_cache.use_cache().parent == service
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    service.chmod(0o777)  # others could write code there
    assert kernel_cache.use_cache().parent != service


def test_a_corrupt_list_of_users_does_not_prevent_the_start(tmp_path: Path) -> None:
    """Half a block of a failing card: not UTF-8."""
    me, other = installed(tmp_path / "venv"), installed(tmp_path / "other")
    mine, theirs = left_by(tmp_path, "1", me), left_by(tmp_path, "2", other)
    for folder in (mine, theirs):
        (folder / USED).write_bytes(b"\xff\xfe\x00\n")
    enter(mine, me)
    assert sweep(tmp_path, mine, me) == [theirs]
    assert me in (mine / USED).read_text(encoding="utf-8", errors="replace")


def test_a_symbolic_link_is_neither_followed_nor_deleted(tmp_path: Path) -> None:
    me = installed(tmp_path / "venv")
    new, elsewhere = left_by(tmp_path, "2", me), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "kernels-1").symlink_to(elsewhere)
    assert sweep(tmp_path, new, me) == []
    assert list(elsewhere.iterdir()) == [], "nothing was written there"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_stays(tmp_path: Path) -> None:
    me = installed(tmp_path / "venv")
    new, old = left_by(tmp_path, "2", me), left_by(tmp_path, "1", me)
    old.chmod(0o500)
    (old / USED).chmod(0o400)
    assert sweep(tmp_path, new, me) == []
    old.chmod(0o700)
