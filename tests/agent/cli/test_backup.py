"""`magwatt backup` and `restore`: exit codes, and the way from a gateway to its replacement."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tarfile
from pathlib import Path

from click.testing import CliRunner, Result
from support.backup import ended, gateway_in

from agent.cli import main
from agent.delivery.store.lock import StateLock
from agent.savings.ledger.signing_key import FILE, load


def magwatt(*arguments: object) -> Result:
    found = CliRunner().invoke(main, [str(item) for item in arguments])
    assert "Traceback" not in found.output
    return found


def test_from_a_gateway_to_its_replacement(tmp_path: Path) -> None:
    plant, file = tmp_path / "plant", tmp_path / "one.tar"
    ended(gateway_in(plant, 0.5))
    done = magwatt("backup", file, "--config", plant / "plant.toml")
    assert done.exit_code == 0, done.output
    assert str(plant / "secrets" / "mqtt") in done.output  # a secret that is not in it
    assert magwatt("backup", file, "--config", plant / "plant.toml").exit_code == 2
    # What an auditor gets: the state file without the private key, and the public key of a report.
    with tarfile.open(file) as archive:
        archive.extract("state/magwatt.sqlite", tmp_path / "auditor", filter="data")
    public = load(plant / "state" / FILE).declaration()
    (tmp_path / "report.json").write_text(json.dumps({"ledger_key": public}), encoding="utf-8")
    audited = magwatt("ledger", "verify", "--state", tmp_path / "auditor" / "state", "--key", tmp_path / "report.json")
    assert audited.exit_code == 0, audited.output
    shutil.rmtree(plant)
    restored = magwatt("restore", file)
    assert restored.exit_code == 0, restored.output
    assert f"magwatt check {plant / 'plant.toml'}" in restored.output
    assert str(plant / "secrets" / "mqtt") in restored.output  # to be created again
    verified = magwatt("ledger", "verify", "--config", plant / "plant.toml", "--json")
    assert verified.exit_code == 0, verified.output
    assert '"ledger_forked"' in verified.output


def test_exit_codes_when_another_process_runs_and_when_the_ledger_is_wrong(tmp_path: Path) -> None:
    plant = tmp_path / "plant"
    ended(gateway_in(plant, 0.5))
    with contextlib.closing(sqlite3.connect(plant / "state" / "magwatt.sqlite")) as db, db:
        db.execute("update ledger set body = replace(body, 'fan', 'fun') where seq = 2")
    assert magwatt("backup", tmp_path / "one.tar", "--config", plant / "plant.toml").exit_code == 1
    with StateLock(plant / "state", "run", 1_790_000_000_000):
        assert magwatt("restore", tmp_path / "one.tar").exit_code == 1
    assert magwatt("restore", tmp_path / "one.tar", "--config-to", tmp_path / "new" / "plant.toml").exit_code == 1
    assert (tmp_path / "new" / "state" / "magwatt.sqlite").exists()
    (tmp_path / "none.tar").write_text("no backup")
    assert magwatt("restore", tmp_path / "none.tar").exit_code == 2
