"""`magwatt backup` while the agent writes: a complete, private, checked file, or none."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest
from support.backup import MADE_MS, backed_up, config_of, ended, gateway_in
from support.basics import HandClock, wait_until

from agent.backup import reasons as codes
from agent.backup.create import TEMPORARY, back_up
from agent.delivery.store import Store
from drivers.reasons import CodedError

KILLED = """
import sys, time
from pathlib import Path
from support.backup import config_of, MADE_MS
from agent.backup.create import back_up
def report(step):
    print(step, flush=True)
    if step.startswith("write"):
        time.sleep(60)
folder, file = map(Path, sys.argv[1:])
back_up(config_of(folder), folder / "state", file, MADE_MS, report=report)
"""


def contents(file: Path) -> dict[str, bytes]:
    """Name → content, by the standard library."""
    with tarfile.open(file) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]


def database(file: Path, folder: Path) -> sqlite3.Connection:
    path = folder / "copy.sqlite"
    path.write_bytes(contents(file)["state/magwatt.sqlite"])
    return sqlite3.connect(path)


RECORDS = ("commissioning/fan-20261128-120000.json", "commissioning/fan-20261128-120000.md", "plant.answers.toml")


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    ended(gateway_in(tmp_path / "plant", 0.3))
    (tmp_path / "plant" / "commissioning").mkdir()
    for name in (*RECORDS, "commissioning/fan.json.part"):
        (tmp_path / "plant" / name).write_text(name, encoding="ascii")
    return tmp_path / "plant"


def test_what_is_in_it_with_its_hashes(plant: Path, tmp_path: Path) -> None:
    file = tmp_path / "one.tar"
    result = backed_up(plant, file)
    assert file.stat().st_mode & 0o777 == 0o600
    found = contents(file)
    manifest = json.loads(found.pop("manifest.json"))
    assert {part["name"]: (part["size"], part["sha256"]) for part in manifest["parts"]} == {
        name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in found.items()
    }
    for name in ("plant.toml", "plant-ca.pem", *RECORDS):
        assert found[f"config/{name}"] == (plant / name).read_bytes()
    assert found["state/ledger.key"] == (plant / "state" / "ledger.key").read_bytes()
    assert "config/secrets/mqtt" not in found
    assert "config/commissioning/fan.json.part" not in found
    assert result.notes == (
        codes.RECORDS_INCLUDED(n=3, names=RECORDS),
        codes.SECRET_OMITTED(path=str(plant / "secrets" / "mqtt")),
    )
    assert (manifest["site"], manifest["made_ms"], manifest["omitted"]) == (
        "mill-2",
        MADE_MS,
        [str(plant / "secrets/mqtt")],
    )
    with contextlib.closing(sqlite3.connect(plant / "state" / "magwatt.sqlite")) as db:
        newest = db.execute("select seq, hash from ledger order by seq desc limit 1").fetchone()
    assert (manifest["ledger_records"], manifest["ledger_hash"]) == newest
    assert result.finding is None
    backed_up(plant, tmp_path / "two.tar", with_secrets=True)
    assert contents(tmp_path / "two.tar")["config/secrets/mqtt"] == b"hidden"


def test_files_outside_the_folder_of_the_configuration_are_named(plant: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.pem").write_text("certificate", encoding="ascii")
    config_of(plant)
    text = (plant / "plant.toml").read_text(encoding="utf-8")
    (plant / "plant.toml").write_text(text.replace("plant-ca.pem", "../elsewhere.pem"), encoding="utf-8")
    from agent.config.loader import load_config

    result = back_up(load_config(plant / "plant.toml")[0], plant / "state", tmp_path / "one.tar", MADE_MS)
    assert codes.FILE_OUTSIDE(path=str(tmp_path / "elsewhere.pem")) in result.notes


def test_while_the_agent_writes_each_copy_is_the_state_of_one_moment(tmp_path: Path) -> None:
    """All rows that were committed before are in it, without a hole, and the counter is that of the last row."""
    config = config_of(tmp_path / "plant")
    stop, state = threading.Event(), tmp_path / "plant" / "state"
    with contextlib.closing(Store(state, HandClock(1_790_000_000))) as store:
        store.sink_cursors(["mqtt"])
        committed = 0

        def write() -> None:
            nonlocal committed
            number = 0
            while not stop.is_set():
                for _ in range(20):
                    number += 1
                    store.append("fan", "telemetry", 1, lambda _: b"x" * 400, {"energy/fan": number})
                store.flush()
                committed = number

        thread = threading.Thread(target=write)
        thread.start()
        try:
            wait_until(lambda: committed > 100, 30, "rows")
            for round_ in range(3):
                before = committed
                back_up(config, state, tmp_path / f"{round_}.tar", MADE_MS)
                after = committed
                with contextlib.closing(database(tmp_path / f"{round_}.tar", tmp_path)) as db:
                    assert db.execute("pragma integrity_check").fetchone() == ("ok",)
                    rows = [seq for (seq,) in db.execute("select seq from spool order by n")]
                    [(energy,)] = db.execute("select value from counters").fetchall()
                assert rows == list(range(1, len(rows) + 1))
                assert before <= len(rows) <= after + 20
                assert energy == len(rows)
                assert after > before, "the agent wrote meanwhile"
        finally:
            stop.set()
            thread.join()


def test_a_kill_leaves_no_file_and_the_next_backup_removes_what_it_left(plant: Path, tmp_path: Path) -> None:
    target = tmp_path / "backups" / "one.tar"
    target.parent.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(plant), str(target)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        while not process.stdout.readline().startswith("write"):
            pass
        backed_up(plant, target.with_name("another.tar"))  # a backup that is being written is not touched
        [left] = target.parent.glob(f"{TEMPORARY}*")
        process.send_signal(signal.SIGKILL)
    assert left.exists()
    assert not target.exists()
    backed_up(plant, target)
    assert sorted(path.name for path in target.parent.iterdir()) == ["another.tar", "one.tar"]


def test_an_existing_file_is_not_replaced(plant: Path, tmp_path: Path) -> None:
    (tmp_path / "one.tar").write_text("mine")
    with pytest.raises(CodedError) as caught:
        backed_up(plant, tmp_path / "one.tar")
    assert caught.value.reason == codes.BACKUP_EXISTS(path=str(tmp_path / "one.tar"))
    assert (tmp_path / "one.tar").read_text() == "mine"


@pytest.mark.parametrize("share", [0.5, 1.5])
def test_a_full_disk_leaves_no_file(plant: Path, tmp_path: Path, share: float) -> None:
    """Full with the copy of the state, and with the archive of the copy."""
    place = tmp_path / "disk"
    place.mkdir()
    size = round(share * (plant / "state" / "magwatt.sqlite").stat().st_size)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting needs root")
    try:
        with pytest.raises(CodedError) as caught:
            backed_up(plant, place / "one.tar")
        assert caught.value.reason.code == codes.BACKUP_FAILED
        assert not list(place.iterdir())
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_wrong_ledger_is_a_finding_and_a_corrupt_file_is_no_backup(plant: Path, tmp_path: Path) -> None:
    state = plant / "state" / "magwatt.sqlite"
    with contextlib.closing(sqlite3.connect(state)) as db, db:
        db.execute("update ledger set body = replace(body, 'fan', 'fun') where seq = 2")
    assert backed_up(plant, tmp_path / "one.tar").finding is not None
    with state.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(b"\xff" * 4096 * 8)
    with pytest.raises(CodedError) as caught:
        backed_up(plant, tmp_path / "two.tar")
    assert caught.value.reason.code == codes.SOURCE_CORRUPT
    assert not (tmp_path / "two.tar").exists()


def test_without_a_state_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    with pytest.raises(CodedError) as caught:
        back_up(config, tmp_path / "state", tmp_path / "one.tar", MADE_MS)
    assert caught.value.reason.code == codes.NOTHING_TO_BACK_UP
