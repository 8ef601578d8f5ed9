"""An HMAC ledger is reported wherever an operator looks, and `magwatt ledger begin` leads to a report whose public key
verifies the ledger on another computer."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

from click.testing import CliRunner, Result
from support import metered_retrofit
from support.basics import HandClock

from agent.cli import main
from agent.commissioning.doctor import host
from agent.config.loader import load_config
from agent.delivery.store import Store
from agent.savings.ledger import reasons as codes
from agent.savings.ledger.interval_records import IntervalRecorder
from agent.savings.ledger.signing_key import FILE, HMAC, load_or_make
from agent.savings.records.model import QUARTER_MS


def magwatt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(item) for item in arguments])


def checked(plant: Path) -> list[str]:
    found = magwatt("check", "--config", plant, "--json")
    return [json.loads(line)["reason"]["code"] for line in found.output.splitlines() if line.startswith("{")]


def diagnosed(plant: Path) -> list[str]:
    return [item.reason.code for item in host.ledger(load_config(plant)[0])]


def reported(plant: Path, name: str) -> dict[str, object]:
    found = magwatt("report", "--month", "2024-10", "--config", plant, "--output", plant.with_name(f"{name}.html"))
    assert "Traceback" not in found.output
    body: dict[str, object] = json.loads(plant.with_name(f"{name}.json").read_text(encoding="utf-8"))
    return body


def hints(body: dict[str, object]) -> list[str]:
    return [hint["code"] for motor in body["motors"] for hint in motor["hints"]]  # type: ignore[attr-defined]


def day_of_hmac(folder: Path) -> None:
    """plant.toml, and a day of intervals that an HMAC key signed."""
    (folder / "plant.toml").write_text(metered_retrofit.PLANT, encoding="utf-8")
    state, begin_ms = folder / "state", metered_retrofit.utc_ms("2024-10-01 00:00")
    state.mkdir()
    (state / FILE).write_text(json.dumps({"kind": HMAC, "secret": "11" * 32}), encoding="ascii")
    day = metered_retrofit.new(begin_ms, begin_ms + 96 * QUARTER_MS)
    with contextlib.closing(Store(state, HandClock(begin_ms / 1000))) as store:
        recorder = IntervalRecorder(load_or_make(state), {"config": "c0ffee", "software": "0.1.0"})
        metered_retrofit.record(store, recorder, day[-1].end_ms, day)


def test_from_an_hmac_ledger_to_one_that_an_auditor_verifies(tmp_path: Path) -> None:
    state, plant = tmp_path / "state", tmp_path / "plant.toml"
    day_of_hmac(tmp_path)
    assert codes.HMAC_LEDGER in checked(plant)
    assert codes.HMAC_LEDGER in diagnosed(plant)
    assert codes.HMAC_LEDGER in hints(reported(plant, "before"))
    auditor = ("ledger", "verify", "--state", tmp_path / "copy", "--key")
    shutil.copytree(state, tmp_path / "copy", ignore=shutil.ignore_patterns(FILE))
    assert magwatt(*auditor, tmp_path / "before.json").exit_code == 2
    page = (tmp_path / "before.html").read_text(encoding="utf-8")

    begun = magwatt("ledger", "begin", "--config", plant)
    assert begun.exit_code == 0, begun.output
    assert codes.HMAC_LEDGER not in checked(plant) + diagnosed(plant)
    after = reported(plant, "after")
    assert codes.HMAC_LEDGER not in hints(after)
    shutil.rmtree(tmp_path / "copy")
    shutil.copytree(state, tmp_path / "copy", ignore=shutil.ignore_patterns(FILE))
    verified = magwatt(*auditor, tmp_path / "after.json", "--json")
    assert verified.exit_code == 0, verified.output
    found = json.loads(verified.output)
    assert found["keys"][-1] == after["ledger_key"]["fingerprint"]  # type: ignore[index]
    assert found["hmac_part"]["code"] == codes.HMAC_PART_CONFIRMED
    offered = "--state COPY"  # the command for another computer
    assert offered not in page
    assert offered in (tmp_path / "after.html").read_text(encoding="utf-8")
    assert magwatt("ledger", "begin", "--config", plant).exit_code == 2


def test_begin_without_a_state_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(metered_retrofit.PLANT, encoding="utf-8")
    assert magwatt("ledger", "begin", "--config", tmp_path / "plant.toml").exit_code == 2
    assert not (tmp_path / "state").exists()
