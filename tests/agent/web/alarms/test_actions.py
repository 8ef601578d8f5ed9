"""Decisions about alarms on the page: only after a login, only from the page itself, as rows that the agent reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from support.alarm_messages import alarm
from support.dialects import PLANT, SECOND, configured
from support.page import Answer, Page, running_page

from agent.alarms.model import AlarmKey, OperatorAction
from agent.alarms.operator_log import FILE, OperatorLog
from agent.core import password_hash as password
from agent.delivery.followed_messages import FollowedMessage
from agent.web.alarms.actions import MINUTES_MAX, PATH
from agent.web.server.start_check import Listen

RIGHT = "correct horse battery"
ROOT = "magwatt/v1/mill-2/gw-07"


class Site:
    """The page of a configured agent with a login, and the operator file in its state directory."""

    def __init__(self, page: Page, state: Path) -> None:
        self.page, self.log, self.state = page, OperatorLog(state), state
        self.before = 0
        self._cookie = ""

    def record(self, asset: str, record: dict[str, Any]) -> None:
        self.page.follower.alarms.setdefault(f"{ROOT}/{asset}" if asset else ROOT, {})[record["code"]] = record

    def login(self, name: str) -> None:
        form = urlencode({"password": RIGHT, "name": name})
        answer = self.page.get("/login", "POST", form, Origin=f"http://{self.page.host}")
        self._cookie = answer.headers["set-cookie"].partition(";")[0]

    def post(self, body: Any, **headers: str) -> Answer:
        sent = {"Origin": f"http://{self.page.host}", "Content-Type": "application/json", "Cookie": self._cookie}
        text = body if isinstance(body, str) else json.dumps(body)
        return self.page.get(PATH, "POST", text, **(sent | headers))

    def entered(self) -> list[OperatorAction]:
        """The rows of this test."""
        return self.log.after(self.before)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("actions")
    password.write_hash(folder / "hash", RIGHT)
    tables = f'[store]\nstate_dir = "{folder / "state"}"'
    config = configured(folder, "mqtt://127.0.0.1:1", tables, PLANT + SECOND)
    with running_page(config, Listen(password=password.read_hash(folder / "hash"))) as page:
        page.follower.seen[f"{ROOT}/pump-1"] = FollowedMessage(ROOT, "pump-1", {"meta": {"motor": {"kind": "pm"}}})
        site = Site(page, folder / "state")
        site.login("Zhang Min")
        yield site


@pytest.fixture
def site(served: Site) -> Site:
    """Three alarms: one of a motor, one for the protection of people, one of the gateway."""
    served.page.follower.alarms.clear()
    served.record("pump-1", alarm("stall", "UNACK", "high", seq=7))
    served.record("pump-1", alarm("live_terminals", "UNACK", "safety", seq=8))
    served.record("", alarm("disk", "ACKED", "low", seq=9))
    rows = served.log.after(0) if served.log.path.exists() else []
    served.before = rows[-1].number if rows else 0
    return served


STALL = {"action": "ack", "motor": "pump-1", "code": "stall", "seq": 7}


def test_an_acknowledgement_is_a_row_that_the_agent_reads(site: Site) -> None:
    answer = site.post(STALL)
    assert answer.status == 200, answer.text
    (row,) = site.entered()
    assert (row.key, row.action, row.seq, row.by) == (AlarmKey("pump-1", "stall"), "ack", 7, "Zhang Min")
    assert json.loads(answer.body) == {"number": row.number}


def test_shelving_has_a_time_and_a_reason(site: Site) -> None:
    site.post({"action": "shelve", "motor": None, "code": "disk", "minutes": 90, "reason": " new  disk\ton Monday"})
    site.post({"action": "shelve", "motor": None, "code": "disk", "minutes": 90, "reason": "new  disk on Monday"})
    (row,) = site.entered()
    assert (row.key, row.reason, row.until_ms) == (AlarmKey("", "disk"), "new disk on Monday", row.at_ms + 5_400_000)


def test_shelving_can_be_ended(site: Site) -> None:
    site.record("pump-1", alarm("stall", "SHLVD", "high", seq=7))
    assert site.post(STALL | {"action": "unshelve"}).status == 200
    assert [row.action for row in site.entered()] == ["unshelve"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (STALL | {"seq": 6}, 409), ({"action": "ack", "motor": None, "code": "disk"}, 409),
        (STALL | {"action": "unshelve"}, 409), (STALL | {"code": "phase_loss"}, 404),
        (STALL | {"motor": "pump-9"}, 404),
        ({"action": "shelve", "motor": "pump-1", "code": "live_terminals", "minutes": 5, "reason": "x"}, 409),
        (STALL | {"action": "shelve", "minutes": 5, "reason": "  "}, 400),
        (STALL | {"action": "shelve", "minutes": 0, "reason": "x"}, 400),
        (STALL | {"action": "shelve", "minutes": MINUTES_MAX + 1, "reason": "x"}, 400),
        (STALL | {"action": "shelve", "minutes": 5, "reason": "x" * 201}, 400), (STALL | {"by": "somebody"}, 400),
        (STALL | {"action": "delete"}, 400), ("[]", 400), ("{", 400), (STALL | {"reason": "x" * 5000}, 413),
    ],
)  # fmt: skip
def test_what_cannot_be_entered_is_refused_with_its_reason(site: Site, body: Any, status: int) -> None:
    """Nothing is written: not for a state that the operator did not see, not for a gateway that is not this one."""
    answer = site.post(body)
    assert answer.status == status, answer.text
    assert site.entered() == []
    if status != 413:
        assert json.loads(answer.body)["detail"]


@pytest.mark.parametrize(
    "headers",
    [{"Cookie": ""}, {"Cookie": "magwatt=wrong"}],
)
def test_without_a_login_nothing_is_entered(site: Site, headers: dict[str, str]) -> None:
    assert site.post(STALL, **headers).status == 401
    assert site.entered() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 400), ({"Content-Type": "application/x-www-form-urlencoded"}, 400),
    ],
)  # fmt: skip
def test_a_request_of_another_site_is_refused(site: Site, headers: dict[str, str], status: int) -> None:
    """Also with the cookie of the operator."""
    assert site.post(STALL, **headers).status == status
    assert site.entered() == []


def test_a_page_without_a_password_enters_nothing(tmp_path: Path) -> None:
    config = configured(tmp_path, "mqtt://127.0.0.1:1", f'[store]\nstate_dir = "{tmp_path / "state"}"')
    with running_page(config) as page:
        site = Site(page, tmp_path / "state")
        site.record("pump-1", alarm("stall", seq=7))
        answer = site.post(STALL)
        assert (answer.status, json.loads(answer.body)["detail"] != "") == (403, True)
        assert not (tmp_path / "state" / FILE).exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_directory_that_cannot_be_written_is_named(site: Site) -> None:
    mode = site.state.stat().st_mode
    site.state.chmod(0o500)
    try:
        answer = site.post(STALL)
    finally:
        site.state.chmod(mode)
    assert answer.status == 500
    assert FILE in json.loads(answer.body)["detail"]


def test_a_damaged_operator_file_is_named(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    monkeypatch.setattr("agent.web.alarms.actions.OperatorLog", lambda _directory: OperatorLog(tmp_path))
    answer = site.post(STALL)
    assert answer.status == 500
    assert FILE in json.loads(answer.body)["detail"]
