"""Savings on the page: equal to `magwatt report` to the last digit, computed by a child process, bounded on disk."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support import metered_retrofit
from support.command_line import invoke
from support.page import running_page

from agent.config.loader import load_config
from agent.config.model import Config
from agent.config.topology import assets
from agent.core.text import Catalogue
from agent.delivery.live_socket.follower import SocketFollower
from agent.savings.records.model import QUARTER_MS
from agent.web.base.context import Web
from agent.web.base.state_file import STATE_FILE_ABSENT, StateFile
from agent.web.savings import report_cache, report_worker
from agent.web.savings.month import Month, month_name
from agent.web.savings.month_sum import CURRENCIES_DIFFER, NO_PRICE, NOTHING_COMPARED, month_sum
from agent.web.savings.report_cache import REPORT_PROCESS_FAILED, REPORT_TIMEOUT, ReportCache
from agent.web.savings.savings import NO_CONFIGURATION, month_summary
from agent.web.savings.savings_months import fingerprint, months_with_data, present_month

MONTH = "2024-10"
ENGLISH = Catalogue("en")
NOW_MS = metered_retrofit.utc_ms("2024-10-04 00:05")
OF_THIS_MOMENT = ("made_ms",)  # differs between two runs of the same command


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of a month. `out` is what the child process writes of it, `r.*` what the command writes."""
    folder = tmp_path_factory.mktemp("savings")
    metered_retrofit.retrofit(folder, days=3)
    (folder / "out").mkdir()
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "state").iterdir()}
    assert report_worker.main([str(folder / "plant.toml"), MONTH, str(folder / "out")]) == 0
    after = {path.name: path.stat().st_mtime_ns for path in (folder / "state").iterdir()}
    assert after == before, "the child does not write to the state directory"
    command = ("report", "--month", MONTH, "--config", str(folder / "plant.toml"), "--output", str(folder / "r.html"))
    assert invoke(*command, "--lang", "zh").exit_code in (0, 1)
    return folder


@pytest.fixture(scope="module")
def files(plant: Path) -> Path:
    return plant / "out"


def config_of(plant: Path) -> Config:
    return load_config(plant / "plant.toml")[0]


def page(config: Config | None) -> Web:
    return Web(SocketFollower([]), config, lambda: NOW_MS, assets(config) if config else ())


def summary(config: Config | None) -> Month:
    return asyncio.run(month_summary(page(config), ENGLISH))


def same(path: Path) -> Any:
    found = json.loads(path.read_text(encoding="utf-8"))
    return {key: value for key, value in found.items() if key not in OF_THIS_MOMENT}


def test_the_figures_are_those_of_the_report(plant: Path, files: Path) -> None:
    assert same(files / "report.json") == same(plant / "r.json")
    assert (files / "report.csv").read_bytes() == (plant / "r.csv").read_bytes()
    page_of = {name: shown(files / name) for name in ("report-en.html", "report-zh.html")}
    assert page_of["report-zh.html"] == shown(plant / "r.html")
    assert page_of["report-en.html"] != page_of["report-zh.html"], "opened in another language"


def shown(path: Path) -> list[str]:
    """The lines of a page without its time and the command with the name of its file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "--checkpoint" not in line and "<footer" not in line]


def test_the_days_add_up_to_the_month(plant: Path, files: Path) -> None:
    """U of a day is that of the month if the month has only this day; larger than its share of it otherwise."""
    motors = json.loads((files / "report.json").read_text(encoding="utf-8"))["motors"]
    total = month_sum(motors, ENGLISH)
    saving = motors[0]["saving"]
    assert total.saved_kwh.v == saving["saved_wh"] / 1000
    assert total.saved_kwh.u == saving["u95_wh"] / 1000
    assert sum(day.saved_kwh or 0 for day in total.days) == pytest.approx(total.saved_kwh.v, rel=1e-12)
    first, *_ = motors[0]["days"]
    assert first["u95_day_wh"] == pytest.approx(first["u95_wh"], rel=1e-12)
    assert saving["u95_wh"] <= sum(day["u95_day_wh"] for day in motors[0]["days"])
    with (plant / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    by_day = {f"{MONTH}-{day.day:02}": day.saved_kwh for day in total.days}
    for date in by_day:
        own = [row for row in rows if row["start_local"].startswith(date) and row["saved_kwh"]]
        assert by_day[date] == pytest.approx(sum(float(row["saved_kwh"]) for row in own), abs=0.00005 * len(own))


def test_the_month_of_the_plant_is_pending_and_then_ready(
    plant: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(plant)
    found: list[Month] = []

    async def ask(_config: Path, _month: str, folder: Path, _timeout_s: float) -> int:
        await asyncio.sleep(0.02)
        shutil.copytree(files, folder, dirs_exist_ok=True)
        return 0

    monkeypatch.setattr(report_cache, "run_worker", ask)
    monkeypatch.setattr(report_cache, "usable_folder", lambda: tmp_path)
    monkeypatch.setattr("agent.web.savings.savings.MONTH_WAIT_S", 0.001)

    async def twice() -> None:
        found.append(await month_summary(page(config), ENGLISH))
        await asyncio.sleep(0.2)
        found.append(await month_summary(page(config), ENGLISH))

    asyncio.run(twice())
    pending, ready = found
    assert (pending.state, pending.saved_kwh.v, pending.month) == ("pending", None, MONTH)
    assert ready.state == "ready"
    assert (ready.motors, ready.of, ready.name) == (1, 1, month_name(MONTH, ENGLISH))
    assert ready.until == "2024-10-31T16:00:00.000Z"  # in UTC+8; the clock of the child is past the month
    assert ready.money.currency == "CNY"
    (motor,) = json.loads((plant / "r.json").read_text(encoding="utf-8"))["motors"]
    assert (ready.saved_kwh.v, ready.verdict) == (motor["saving"]["saved_wh"] / 1000, motor["saving"]["verdict"])


def test_a_plant_without_savings_says_why(plant: Path, tmp_path: Path) -> None:
    without = summary(None)
    assert without.state == "none"
    assert without.why is not None
    assert without.why.code == NO_CONFIGURATION
    gone = summary(replace(config_of(plant), state_dir=tmp_path))
    assert gone.why is not None
    assert gone.why.code == STATE_FILE_ABSENT


def test_the_sum_of_a_month_without_a_baseline_or_with_two_currencies_says_so() -> None:
    saving = {"intervals": 3, "saved_wh": 5000.0, "u95_wh": 1000.0, "verdict": "proven"}
    bare: dict[str, Any] = {"saving": None, "days": [], "money": None}
    nothing = month_sum([bare], ENGLISH)
    assert nothing.saved_kwh.why is not None
    assert nothing.saved_kwh.why.code == NOTHING_COMPARED
    priced = [
        {"saving": saving, "days": [], "money": {"currency": name, "saved": 1.0, "u95": 0.1}} for name in ("EUR", "CNY")
    ]
    mixed = month_sum([*priced, bare], ENGLISH)
    assert (mixed.saved_kwh.v, mixed.saved_kwh.u, mixed.verdict) == (10.0, 2.0, "proven")
    assert (mixed.motors, mixed.of) == (2, 3)
    assert mixed.money.why is not None
    assert mixed.money.why.code == CURRENCIES_DIFFER
    unpriced = month_sum([{"saving": saving, "days": []}], ENGLISH)
    assert unpriced.money.why is not None
    assert unpriced.money.why.code == NO_PRICE
    verdicts = {"undecided": ["proven", "undecided"], "provisional": ["proven", "provisional"]}
    for expected, each in verdicts.items():
        motors = [{"saving": saving | {"verdict": verdict}, "days": []} for verdict in each]
        assert month_sum(motors, ENGLISH).verdict == expected
    small = {"saving": saving | {"saved_wh": 500.0}, "days": []}
    assert month_sum([small], ENGLISH).verdict == "not_proven"


def test_months_and_fingerprints_follow_the_data(plant: Path) -> None:
    config, file = config_of(plant), StateFile(plant / "state")
    assert file.read(lambda db: months_with_data(db, config)) == [MONTH, "2024-09"]
    assert file.read(lambda db: present_month(db, config, NOW_MS)) == MONTH

    def prints(month: str, now_ms: int = NOW_MS, hash_: str = config.hash) -> str:
        return file.read(lambda db: fingerprint(db, replace(config, hash=hash_), month, now_ms))

    assert prints(MONTH) == prints(MONTH)
    assert (
        len({prints(MONTH), prints("2024-09"), prints(MONTH, hash_="changed"), prints(MONTH, NOW_MS + 60 * 86_400_000)})
        == 4
    )


def test_a_report_is_computed_again_when_an_interval_has_ended(plant: Path, tmp_path: Path) -> None:
    """Not each time the running interval is stored: that is every few seconds, and a report takes seconds."""
    config, now_ms = config_of(plant), NOW_MS // QUARTER_MS * QUARTER_MS + 300_000
    shutil.copytree(plant / "state", tmp_path / "state")
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")) as db:
        before = fingerprint(db, config, MONTH, now_ms)
        row = "insert into interval (asset, start_ms, body) select asset, ?, body from interval limit 1"
        db.execute(row, (now_ms - 300_000,))
        assert fingerprint(db, config, MONTH, now_ms) == before
        assert fingerprint(db, config, MONTH, now_ms + QUARTER_MS) != before


def test_the_child_runs_once_for_a_month_and_its_failure_is_named(plant: Path, tmp_path: Path) -> None:
    """With the real process: it ends with an error that names the file."""
    missing = tmp_path / "gone.toml"

    async def ask() -> list[Any]:
        cache = ReportCache(missing, tmp_path / "cache")
        asked = [cache.report(MONTH, "f" * 16, 30.0) for _ in range(3)]
        return [*await asyncio.gather(*asked), await cache.report(MONTH, "f" * 16, 0.0)]

    found = asyncio.run(ask())
    assert {str(item.failed.code) for item in found} == {"config_file_missing"}
    assert list((tmp_path / "cache").iterdir()) == []


def test_reports_are_bounded_in_time_number_and_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(_config: Path, month: str, folder: Path, _timeout_s: float) -> int:
        await asyncio.sleep(0.01)
        if month == "2020-01":
            raise TimeoutError
        if month == "2020-02":
            return 9
        (folder / "report.json").write_bytes(b"x" * 1000)
        return 0

    monkeypatch.setattr(report_cache, "run_worker", run)
    monkeypatch.setattr(report_cache, "BYTES_MAX", 3500)
    months = [f"2021-{number:02}" for number in range(1, 7)]

    async def ask() -> list[Any]:
        cache = ReportCache(tmp_path / "plant.toml", tmp_path / "cache")
        found = [await cache.report(month, "1" * 16, 5.0) for month in ("2020-01", "2020-02", *months)]
        changed = await cache.report(months[-1], "2" * 16, 0.0)
        assert changed.folder == found[-1].folder
        assert not changed.current
        return [*found, await cache.report(months[-1], "2" * 16, 5.0)]

    late, broken, *made, renewed = asyncio.run(ask())
    assert (late.failed.code, broken.failed.code) == (REPORT_TIMEOUT, REPORT_PROCESS_FAILED)
    assert all(item.current for item in made)
    assert renewed.current
    names = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert names == ["2021-04-" + "1" * 16, "2021-05-" + "1" * 16, "2021-06-" + "2" * 16]


def test_a_browser_without_scripts_is_led_to_the_newest_report(plant: Path) -> None:
    with running_page(config_of(plant)) as page:
        answer = page.get("/api/v1/savings/newest/report.html")
        assert (answer.status, answer.headers["location"]) == (302, f"/api/v1/savings/{MONTH}/report.html")
        assert answer.headers["location"].replace(MONTH, "newest") in page.get("/").text
    with running_page() as page:
        assert page.get("/api/v1/savings/newest/report.html").status == 404
