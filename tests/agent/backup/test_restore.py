"""`magwatt restore`: everything is checked before anything is changed, ids are never used twice, and the ledger shows
that it was restored."""

from __future__ import annotations

import contextlib
import grp
import io
import json
import os
import pwd
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.backup import MADE_MS, backed_up, config_of, ended, gateway_in, ids, tree
from support.basics import HandClock
from support.metered_motor import START_S, Gateway

from agent.backup import reasons as codes
from agent.backup.create import back_up
from agent.backup.restore import restore
from agent.delivery.store import Store
from agent.delivery.store.lock import StateInUse, StateLock
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger import checkpoints
from agent.savings.ledger import reasons as ledger_codes
from agent.savings.ledger.signing_key import load
from agent.savings.ledger.verification import VerificationResult
from agent.savings.ledger.verify import verify
from drivers.reasons import Code, CodedError

DAY_MS = 86_400_000
NOW_MS = MADE_MS + DAY_MS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plant with its state, and its backup `one.tar`, which was written while the agent ran."""
    folder = tmp_path_factory.mktemp("made")
    gateway = gateway_in(folder / "plant")
    backed_up(folder / "plant", folder / "one.tar", with_secrets=True)
    gateway.run(1)
    for _ in range(5):
        gateway.store.append("fan", "telemetry", gateway.clock.utc_ns() // 1_000_000, str.encode)
    ended(gateway)
    return folder


@pytest.fixture
def plant(made: Path, tmp_path: Path) -> Path:
    """The plant an hour after its backup, on the gateway."""
    shutil.copytree(made / "plant", tmp_path / "plant")
    return tmp_path / "plant"


def on_gateway(made: Path, plant: Path, file: Path | None = None, now_ms: int = NOW_MS) -> None:
    restore(file or made / "one.tar", now_ms, plant / "plant.toml")


def verdict(state: Path, outside: list[dict[str, object]] | None = None) -> VerificationResult:
    with contextlib.closing(open_read_only(state / "magwatt.sqlite")) as db:
        return verify(db, load(state / "ledger.key"), outside or [])


def last_record(state: Path) -> tuple[int, str]:
    with contextlib.closing(open_read_only(state / "magwatt.sqlite")) as db:
        found: tuple[int, str] = db.execute("select seq, hash from ledger order by seq desc limit 1").fetchone()
        return found


def test_on_a_new_computer(made: Path, tmp_path: Path) -> None:
    new = tmp_path / "new" / "plant.toml"
    result = restore(made / "one.tar", NOW_MS, new)
    assert result.places.state_dir == tmp_path / "new" / "state"
    for name in ("plant.toml", "secrets/mqtt", "plant-ca.pem"):
        assert (new.parent / name).read_bytes() == (made / "plant" / name).read_bytes()
    assert (new.parent / "secrets" / "mqtt").stat().st_mode & 0o777 == 0o600
    assert not result.kept
    found = verdict(result.places.state_dir)
    assert found.ok, found.problems
    seq = last_record(result.places.state_dir)[0]
    assert found.restored == [ledger_codes.LEDGER_FORKED(seq=seq, restored_ms=NOW_MS, backup_ms=MADE_MS)]
    with contextlib.closing(Store(result.places.state_dir, HandClock(NOW_MS / 1000))) as store:
        assert len(ids(store)) == 10
        assert store.counters()["energy/fan"] == 1009
        assert store.run_id
        assert store.loss is None
        [gap] = store.fetch_gaps()
        assert (gap.reason, gap.rows, gap.to_ms) == (codes.STATE_RESTORED(backup_ms=MADE_MS), None, NOW_MS)
        assert gap.from_ms <= MADE_MS
        before = max(int(each.split("-")[0]) for each in ids(store))
        assert store.append("fan", "telemetry", 1, str.encode).id.startswith(f"{store.run_id}-")
        assert store.run_id > before


@pytest.mark.parametrize("later_s", [-30 * 86_400, 0, 30 * 86_400], ids=["clock behind", "same time", "later"])
def test_no_id_is_used_twice(made: Path, plant: Path, tmp_path: Path, later_s: float) -> None:
    """Also on another computer, which does not know the runs of the gateway since the backup, with a wrong clock."""
    with contextlib.closing(Store(plant / "state", HandClock(START_S))) as store:
        used = set(ids(store))  # also those of the run of the backup, after it
    for _ in range(5):  # restarts of the gateway after the backup
        with contextlib.closing(Store(plant / "state", HandClock(START_S))) as store:
            used.add(store.append("fan", "telemetry", 1, str.encode).id)
    clock = HandClock(START_S + 3600 + later_s)
    for folder in (plant, tmp_path / "new"):
        restore(made / "one.tar", clock.utc_ns() // 1_000_000, folder / "plant.toml")
        with contextlib.closing(Store(folder / "state", clock)) as store:
            waiting = set(ids(store))
            assert len(waiting) == 10
            new = {store.append("fan", "telemetry", 1, str.encode).id for _ in range(20)}
        assert not new & (used | waiting)


def test_what_was_there_is_kept_and_the_ledger_shows_the_restoration(made: Path, plant: Path) -> None:
    state, (later, later_hash) = plant / "state", last_record(plant / "state")
    before = tree(state)
    (plant / "plant.toml").write_text("# changed", encoding="utf-8")
    result = restore(made / "one.tar", NOW_MS, plant / "plant.toml")
    old_config, old_state = sorted(result.kept, key=lambda path: path.is_dir())
    assert old_config.read_text(encoding="utf-8") == "# changed"
    for name in ("magwatt.sqlite", "ledger.key", "boot"):
        assert tree(old_state)[name] == before[name]
    seq, _ = last_record(state)
    assert seq <= later
    lost = later - seq + 1
    assert verdict(state).restored == [
        ledger_codes.LEDGER_RESTORED(seq=seq, restored_ms=NOW_MS, backup_ms=MADE_MS, n=lost)
    ]
    # A copy of it, later: the agent continued, and the customer has a checkpoint of the records that are missing.
    gateway = Gateway(plant, config_of(plant), HandClock(NOW_MS / 1000))
    gateway.run(2)
    ended(gateway)
    assert verdict(state).ok, verdict(state).problems
    assert verdict(state).restored[0].data["n"] == lost
    found = verdict(state, [{"seq": later, "hash": later_hash}])
    assert not found.ok
    assert [problem.code for problem in found.problems] == [ledger_codes.CHECKPOINT_DIFFERS]
    with contextlib.closing(open_read_only(state / "magwatt.sqlite")) as db:
        newest = checkpoints.newest(db)
    assert newest is None or verdict(state, [checkpoints.checkpoint_message(newest)]).ok


def rewritten(source: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The backup with other members."""
    with tarfile.open(source) as archive:
        members = {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
    change(members)
    with tarfile.open(target, "w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return target


def with_manifest(change: Callable[[dict[str, object]], object]) -> Callable[[dict[str, bytes]], None]:
    def edit(members: dict[str, bytes]) -> None:
        body = json.loads(members["manifest.json"])
        change(body)
        members["manifest.json"] = json.dumps(body).encode()

    return edit


def flipped(members: dict[str, bytes]) -> None:
    content = bytearray(members["state/magwatt.sqlite"])
    content[len(content) // 2] ^= 1
    members["state/magwatt.sqlite"] = bytes(content)


def outside(body: dict[str, list[dict[str, object]]]) -> None:
    body["parts"][0]["name"] = "config/../../evil"


def foreign(body: dict[str, list[dict[str, object]]]) -> None:
    body["parts"][0]["name"] = "state/passwd"


TAMPERED: dict[str, tuple[Callable[[dict[str, bytes]], object], Code]] = {
    "a bit": (flipped, codes.BACKUP_DAMAGED),
    "a longer file": (lambda members: members.update({"config/plant.toml": b"#" * 5000}), codes.BACKUP_DAMAGED),
    "a part is missing": (lambda members: members.pop("state/ledger.key"), codes.BACKUP_DAMAGED),
    "no manifest": (lambda members: members.pop("manifest.json"), codes.NOT_A_BACKUP),
    "a name that leaves its folder": (with_manifest(outside), codes.NOT_A_BACKUP),
    "a name that is no file of the state": (with_manifest(foreign), codes.NOT_A_BACKUP),
    "a later state file": (with_manifest(lambda body: body.update(schema=99)), codes.BACKUP_TOO_NEW),
    "a later format": (with_manifest(lambda body: body.update(s="magwatt.backup/2")), codes.BACKUP_TOO_NEW),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_changed_file_changes_nothing(made: Path, plant: Path, tmp_path: Path, what: str) -> None:
    change, code = TAMPERED[what]
    file = rewritten(made / "one.tar", tmp_path / "changed.tar", change)  # type: ignore[arg-type]
    before = tree(plant)
    with pytest.raises(CodedError) as caught:
        on_gateway(made, plant, file)
    assert caught.value.reason.code == code
    assert {name: hash_ for name, hash_ in tree(plant).items() if name != "state/agent.lock"} == {
        name: hash_ for name, hash_ in before.items() if name != "state/agent.lock"
    }
    with pytest.raises(CodedError):
        restore(file, NOW_MS, tmp_path / "new" / "plant.toml")
    assert not (tmp_path / "new").exists() or not tree(tmp_path / "new")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_changes_nothing(made: Path, plant: Path, tmp_path: Path, share: float) -> None:
    content = (made / "one.tar").read_bytes()
    end = content.rstrip(b"\0")
    (tmp_path / "cut.tar").write_bytes(content[: round(share * len(end))])
    before = last_record(plant / "state")
    with pytest.raises(CodedError):
        on_gateway(made, plant, tmp_path / "cut.tar")
    assert last_record(plant / "state") == before
    assert not list((plant / "state").glob("before-restore*"))


def test_while_an_agent_runs_it_is_refused(made: Path, plant: Path) -> None:
    with StateLock(plant / "state", "run", NOW_MS):
        before = tree(plant)
        with pytest.raises(StateInUse):
            on_gateway(made, plant)
        assert tree(plant) == before


def test_a_full_disk_changes_nothing(made: Path, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    size = (made / "one.tar").stat().st_size // 2
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting needs root")
    try:
        with pytest.raises(CodedError) as caught:
            restore(made / "one.tar", NOW_MS, tmp_path / "new.toml", place / "state")
        assert caught.value.reason.code == codes.NOTHING_RESTORED
        assert not list(place.iterdir())
        assert not (tmp_path / "new.toml").exists()
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("moves", range(8))
def test_after_a_kill_it_can_be_repeated(made: Path, plant: Path, monkeypatch: pytest.MonkeyPatch, moves: int) -> None:
    """The process ends before one of the renames; nothing of what was there before is lost."""
    before = tree(plant / "state")["magwatt.sqlite"]
    done, rename = 0, Path.rename

    def killed(self: Path, target: Path) -> Path:
        nonlocal done
        done += 1
        if done > moves:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(Path, "rename", killed)
        on_gateway(made, plant)
    on_gateway(made, plant, now_ms=NOW_MS + 1000)
    assert verdict(plant / "state").ok, verdict(plant / "state").problems
    assert before in tree(plant / "state").values()
    with contextlib.closing(sqlite3.connect(plant / "state" / "magwatt.sqlite")) as db:
        assert db.execute("select count(*) from spool").fetchone() == (10,)


def test_a_state_outside_the_folder_of_the_configuration_stays_where_it_was(made: Path, tmp_path: Path) -> None:
    """As /var/lib and /etc on a gateway."""
    target = tmp_path / "etc" / "plant.toml"
    state = tmp_path / "var" / "state"
    elsewhere = with_manifest(lambda body: body.update(state_dir=str(state)))
    file = rewritten(made / "one.tar", tmp_path / "one.tar", elsewhere)
    assert restore(file, NOW_MS, target).places.state_dir == state
    assert (state / "magwatt.sqlite").exists()


def owners(folder: Path) -> set[tuple[str, int, int]]:
    return {(path.name, path.stat().st_uid, path.stat().st_gid) for path in (folder, *folder.iterdir())}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_as_root_the_files_belong_to_the_account_that_they_had(made: Path, tmp_path: Path) -> None:
    """The account of the service opens them afterwards, the lock included."""
    service = pwd.getpwnam("nobody")

    def of_service(body: dict[str, list[dict[str, object]]]) -> None:
        for part in body["parts"]:
            part |= {"user": "nobody", "group": grp.getgrgid(service.pw_gid).gr_name}

    file = rewritten(made / "one.tar", tmp_path / "one.tar", with_manifest(of_service))  # type: ignore[arg-type]
    state = restore(file, NOW_MS, tmp_path / "new" / "plant.toml").places.state_dir
    assert {owner[1:] for owner in owners(state)} == {(service.pw_uid, service.pw_gid)}
    assert (tmp_path / "new" / "plant.toml").stat().st_uid == service.pw_uid
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o750


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_without_permission_the_message_names_the_place(made: Path, plant: Path) -> None:
    config, before = config_of(plant), tree(plant)
    (plant / "state").chmod(0o700)
    with tempfile.TemporaryDirectory() as readable:
        Path(readable).chmod(0o755)
        file = Path(readable) / "one.tar"
        shutil.copy(made / "one.tar", file)
        file.chmod(0o644)
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
        try:
            with pytest.raises(CodedError) as writing:
                restore(file, NOW_MS, plant / "plant.toml")
            with pytest.raises(CodedError) as reading:
                back_up(config, plant / "state", plant / "never.tar", MADE_MS)
        finally:
            os.seteuid(0)
    assert writing.value.reason.code == codes.PLACE_NOT_WRITABLE
    assert reading.value.reason.code == codes.STATE_NOT_READ
    assert tree(plant) == before
