"""Requests for what is stored: history, events, savings; invalid ones get a problem document with the reason."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.basics import HandClock
from support.dialects import configured
from support.page import Page, running_page
from support.store import without_fsync

from agent.config.model import StoreSettings
from agent.core.messages import Message
from agent.core.text import Catalogue
from agent.delivery.store import Store
from agent.delivery.store.event_history import EventHistory
from agent.delivery.store.history import History
from agent.web.base.state_file import STATE_FILE_NEWER
from agent.web.history import history as history_module
from agent.web.savings import report_cache
from agent.web.savings.month import month_name
from agent.web.savings.report_cache import CachedReport, ReportCache

BEGIN_MS = 1_789_999_200_000  # a full quarter hour
API = "/api/v1"
SPAN = f"from={BEGIN_MS}&to={BEGIN_MS + 600_000}"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("stored")
    with without_fsync():
        store = Store(folder / "state", HandClock(BEGIN_MS / 1000), StoreSettings(commit_interval_s=0.01))
    history, events = History(store, (3600.0, 86400.0, 86400.0)), EventHistory(store)
    for second in range(0, 600, 10):
        values = {"active_power_w": 1000.0 + second, "motor_load_pct": 50.0}
        history.on_published(Message("pump-1", "telemetry", BEGIN_MS + 1000 * second, values))
    dip = {"event_kind": "dip", "event_start_ms": BEGIN_MS, "snapshot_start_ms": BEGIN_MS, "snapshot_rate_hz": 10.0,
           "snapshot_u_l1_v": [1.0, -1.0]}  # fmt: skip
    events.on_published(Message("pump-1", "event", BEGIN_MS, dip))
    history.stop()
    store.close()
    config = replace(configured(folder, "mqtt://127.0.0.1:1"), state_dir=folder / "state")
    with running_page(config) as page:
        page.web.now_ms = lambda: BEGIN_MS + 600_000
        yield page


@pytest.mark.parametrize("query", [
    "", "metric=no_such_metric", "metric=active_power_w&from=yesterday", "metric=active_power_w&points=5",
    "metric=active_power_w&points=99999999999", "metric=active_power_w&points=00100999999",
    f"metric=active_power_w&from={BEGIN_MS}&to={BEGIN_MS}",
    "metric=active_power_w&from=1970-01-01T00:00:00Z", "&".join(f"metric=m{n}" for n in range(20)),
])  # fmt: skip
def test_an_invalid_request_for_a_history_is_explained(stored: Page, query: str) -> None:
    answer = stored.get(f"{API}/motors/pump-1/history?{query}")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert '"detail"' in answer.text


def test_a_motor_or_month_that_does_not_exist_is_named(stored: Page) -> None:
    for path in ("motors/motor-9/history?metric=active_power_w", "savings/2026-13", "savings/x", "events?days=0",
                 f"motors/pump-1/events/{BEGIN_MS + 1}/waveform", "events?days=1e9"):  # fmt: skip
        answer = stored.get(f"{API}/{path}")
        assert answer.status in (400, 404)
        assert '"detail"' in answer.text
    assert stored.get(f"{API}/motors/pump-1/events/x/waveform").status == 404
    assert stored.get(f"{API}/savings/2026-09/..%2f..%2fplant.toml").status == 404


def test_one_metric_is_one_series_and_several_are_a_list(stored: Page) -> None:
    one = stored.json(f"{API}/motors/pump-1/history?metric=active_power_w&{SPAN}&points=10")
    assert (one["metric"], one["unit"], one["step_s"]) == ("active_power_w", "W", 60)
    assert one["mean"] == [1025.0 + 60 * minute for minute in range(10)]
    assert one["t_ms"][0] == BEGIN_MS
    both = stored.json(f"{API}/motors/pump-1/history?metric=active_power_w&metric=motor_load_pct&{SPAN}&points=10")
    assert both["series"][0] == one
    assert both["series"][1]["mean"] == [50.0] * 10
    iso = stored.json(f"{API}/motors/pump-1/history?metric=active_power_w&from=2026-09-21T14:00:00Z"
                      "&to=2026-09-21T22:10:00%2B08:00&points=10")  # fmt: skip
    assert iso == one
    table = stored.get(f"{API}/motors/pump-1/history?metric=active_power_w&{SPAN}&points=10&format=csv")
    assert table.body.startswith(b"\xef\xbb\xbf")
    assert len(table.text.splitlines()) == 11


def test_the_waveform_of_an_event_is_at_the_address_that_the_event_names(stored: Page) -> None:
    (dip,) = (event for event in stored.json(f"{API}/events?days=30")["events"] if event["kind"] == "dip")
    wave = stored.json(f"{API}/motors/{dip['motor']}/events/{dip['t_ms']}/waveform")
    assert wave == {"start_ms": BEGIN_MS, "rate_hz": 10.0, "u": [[1.0, -1.0], [], []], "i": [[], [], []]}


def test_the_report_is_a_page_of_its_own_that_loads_nothing(
    stored: Page, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("report-en.html", "report-zh.html", "report.csv", "m-1-en.svg"):
        (tmp_path / name).write_text(name, encoding="utf-8")

    async def report(*_: Any) -> CachedReport:
        return CachedReport(tmp_path, True)

    monkeypatch.setattr(ReportCache, "report", report)
    monkeypatch.setattr("agent.web.savings.savings.months_with_data", lambda *_: ["2026-09"])
    for language in ("en", "zh"):
        page = stored.get(f"{API}/savings/2026-09/report.html?lang={language}")
        assert page.text == f"report-{language}.html"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "sandbox" in policy
    table = stored.get(f"{API}/savings/2026-09/report.csv")
    assert table.headers["content-disposition"] == 'attachment; filename="magwatt-mill-2-2026-09.csv"'
    assert stored.get(f"{API}/savings/2026-09?format=csv").body == table.body
    name = month_name("2026-09", Catalogue("en"))
    assert stored.get(f"{API}/savings?format=csv").text == f"\ufeffmonth,name\r\n2026-09,{name}\r\n"
    assert stored.get(f"{API}/savings/2026-09/m-1-en.svg").headers["content-type"] == "image/svg+xml"
    assert stored.get(f"{API}/savings/2026-09/m-9-en.svg").status == 404
    assert stored.get(f"{API}/savings/2026-09/report.json").status == 404


def test_a_month_without_data_and_a_file_of_a_later_version_say_so(
    stored: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = stored.json(f"{API}/savings/2026-09")
    assert (month["state"], month["why"]["code"], month["motors"]) == ("none", "page_month_without_data", [])
    assert stored.json(f"{API}/savings")["months"] == []
    monkeypatch.setattr("agent.web.base.state_file.VERSION", 1)
    for path, key in ((f"motors/pump-1/history?metric=active_power_w&{SPAN}", "why"), ("events", "why"),
                      ("savings", "why"), ("savings/2026-09", "why"), ("plant/month", "why")):  # fmt: skip
        assert stored.json(f"{API}/{path}")[key]["code"] == STATE_FILE_NEWER


def test_the_folder_of_reports_is_the_first_that_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = report_cache.usable_folder([tmp_path / "file", tmp_path / "cache"])
    assert found == tmp_path / "cache" / "reports"
    with pytest.raises(OSError, match="file"):
        report_cache.usable_folder([tmp_path / "file"])


def test_many_histories_do_not_delay_the_live_values(stored: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are computed one after the other; meanwhile other requests get their responses."""
    running, most = [0], [0]

    def slow(*_: Any) -> list[Any]:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.05)
        running[0] -= 1
        return []

    monkeypatch.setattr(history_module, "history_of", slow)
    path = f"{API}/motors/pump-1/history?metric=active_power_w&{SPAN}"
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(stored.get, path) for _ in range(20)]
        time.sleep(0.1)
        assert stored.get(f"{API}/events").status == 200
        assert not all(answer.done() for answer in waiting), "before the last history"
    assert {answer.result().status for answer in waiting} == {200}
    assert most[0] == 1
