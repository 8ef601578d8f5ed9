"""Alarms and condition in a browser: what an operator sees and enters, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab
from support.alarm_messages import DEMAGNETIZED, alarm, condition, fault
from support.browser import DESKTOP, PHONE, Watched, chinese, problems
from support.dialects import PLANT, SECOND, configured
from support.page import Page as Site
from support.page import running_page

from agent.alarms.model import OperatorAction
from agent.alarms.operator_log import OperatorLog
from agent.analysis.condition.faults import FAULTS
from agent.analysis.efficiency.reasons import MOTOR_OFF
from agent.config.loader import load_config
from agent.core import password_hash as password
from agent.core.text import as_object
from agent.web.alarms import actions
from agent.web.server.start_check import Listen

pytestmark = pytest.mark.browser
RIGHT = "correct horse battery"
WHY = as_object(MOTOR_OFF())
VIEWS = {"/alarms": "details.rec", "/m/pump-1": ".faults li"}


def served(folder: Path, secret: bool) -> tuple[Any, Listen]:
    """The configuration of a gateway named as in the messages of `support.page`, with or without a password."""
    configured(folder, "mqtt://127.0.0.1:1", f'[store]\nstate_dir = "{folder / "state"}"', PLANT + SECOND)
    file = folder / "magwatt.toml"
    text = file.read_text(encoding="utf-8").replace("mill-2", "demo").replace("gw-07", "gw-01")
    file.write_text(text, encoding="utf-8")
    if not secret:
        return load_config(file)[0], Listen()
    password.write_hash(folder / "hash", RIGHT)
    return load_config(file)[0], Listen(password=password.read_hash(folder / "hash"))


def feed(site: Site) -> None:
    """Each state of an alarm, and each verdict on a fault."""
    for motor, name in (("pump-1", "1#除鳞泵"), ("fan-2", "冷却塔风机")):
        site.motor(motor, name)
        site.telemetry(motor)
    known = {code: {"title": FAULTS[code].title, "advice": list(FAULTS[code].advice), "why": WHY, "consequence": ""}
             for code in FAULTS}  # fmt: skip
    for code, state, priority in (
        ("live_terminals", "UNACK", "safety"), ("stall", "UNACK", "high"), ("cavitation", "UNACK", "low"),
        ("bearing", "ACKED", "medium"), ("overload", "RTNUN", "high"), ("underload", "SHLVD", "low"),
        ("low_flow", "DSUPR", "low"), ("eccentricity", "OOSRV", "low"),
    ):  # fmt: skip
        more: dict[str, Any] = {"shelved_until_ms": 4_000_000_000_000, "shelved_by": "李伟", "shelved_why": "换轴承"}
        site.alarm("pump-1", alarm(code, state, priority, **known[code], **(more if state == "SHLVD" else {})))
    faults = {code: fault("not_observable", reason=WHY) for code in FAULTS}
    faults |= {code: body | {"why": WHY} if body["verdict"] == "finding" else body
               for code, body in DEMAGNETIZED["faults"].items()}  # fmt: skip
    faults["eccentricity"]["reason"] = WHY
    site.receive("pump-1", "condition", condition("finding", **faults))
    site.receive("fan-2", "condition", condition("healthy", phase_loss=fault("clear")))


@pytest.fixture(scope="module")
def open_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Without a password."""
    with running_page(*served(tmp_path_factory.mktemp("open"), secret=False)) as site:
        feed(site)
        yield site


class Operator:
    """A page with a password, a tab in which an operator has logged in, and the operator file."""

    def __init__(self, site: Site, tab: Tab, log: OperatorLog) -> None:
        self.site, self.tab, self._log = site, tab, log
        self.before = 0

    def rows(self) -> list[OperatorAction]:
        """What was entered in this test."""
        return self._log.after(self.before) if self._log.path.exists() else []


@pytest.fixture(scope="module")
def logged_in(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("operator")
    with running_page(*served(folder, secret=True)) as site:
        feed(site)
        context = browser.new_context(**DESKTOP)
        tab = context.new_page()
        tab.goto(f"http://{site.host}/alarms")
        tab.fill("#password", RIGHT)
        tab.fill("#name", "Zhang Min")
        tab.keyboard.press("Enter")
        expect(tab.locator("section.al")).to_have_count(2)  # the form was accepted
        yield Operator(site, tab, OperatorLog(folder / "state"))
        context.close()


@pytest.fixture
def operator(logged_in: Operator) -> Operator:
    """At the list of alarms, of which two are urgent."""
    feed(logged_in.site)
    logged_in.tab.goto(f"http://{logged_in.site.host}/alarms")
    expect(logged_in.tab.locator("section.al")).to_have_count(2)
    logged_in.before = max((row.number for row in logged_in.rows()), default=logged_in.before)
    return logged_in


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("options", "language"), [(DESKTOP, "en"), (PHONE, "zh")], ids=["desktop", "phone"])
def test_views_with_alarms(browser: Browser, open_site: Site, view: str, options: Any, language: str) -> None:
    """No error, no sideways scrolling, no serious finding of axe-core, no English text on the Chinese page."""
    feed(open_site)
    context = browser.new_context(**options)
    watched = Watched(context, f"http://{open_site.host}")
    tab = watched.open(view)
    expect(tab.locator(VIEWS[view]).first).to_be_visible()
    for line in tab.locator("details.rec > summary, details.unseen > summary").all():
        line.click()
    if view == "/m/pump-1":  # all of the same reason, two faults are found or clear
        expect(tab.locator("details.unseen")).to_have_count(1)
        expect(tab.locator("details.unseen li")).to_have_count(len(FAULTS) - 2)
    assert problems(watched, widths=(360, 390) if language == "zh" else (1024, 1280), language=language) == []
    context.close()


def test_a_motor_is_healthy_only_while_the_agent_says_so(browser: Browser, open_site: Site) -> None:
    context = browser.new_context(**{**DESKTOP, "locale": "zh-CN"})
    tab = context.new_page()
    tab.goto(f"http://{open_site.host}/m/fan-2")
    healthy = chinese("Healthy: nothing was found, and the faults that count would have been seen.")
    line = tab.locator(".condition .answer-line")
    expect(line).to_have_text(healthy)
    open_site.receive("fan-2", "condition", condition("unknown", phase_loss=fault("clear")))
    expect(line).not_to_contain_text(healthy)
    context.close()


def test_without_a_password_nothing_can_be_entered(browser: Browser, open_site: Site) -> None:
    context = browser.new_context(**DESKTOP)
    tab = context.new_page()
    tab.goto(f"http://{open_site.host}/alarms")
    expect(tab.locator("section.al .acts-hint").first).to_be_visible()
    expect(tab.locator("section.al button")).to_have_count(0)
    context.close()


def test_an_acknowledged_alarm_leaves_those_that_need_action(operator: Operator) -> None:
    card = operator.tab.locator("section.al.high")
    card.get_by_role("button", name="Acknowledge").click()
    expect(card.get_by_role("status")).to_be_visible()
    (row,) = operator.rows()
    assert (row.key.asset, row.key.code, row.action, row.by) == ("pump-1", "stall", "ack", "Zhang Min")
    operator.site.alarm("pump-1", alarm("stall", "ACKED", "high", seq=8))
    expect(card).to_have_count(0)
    expect(operator.tab.locator("section.al")).to_have_count(1)


def test_shelving_asks_for_a_time_and_a_reason(operator: Operator) -> None:
    expect(operator.tab.locator("section.al.safety button")).to_have_count(1)  # what protects people stays
    card = operator.tab.locator("section.al.high")
    card.get_by_role("button", name="Shelve…").click()
    card.get_by_role("button", name="Shelve", exact=True).click()
    assert operator.rows() == [], "the reason is missing"
    card.locator("input").fill("new bearing on Monday")
    card.get_by_role("radio", name="4").click()
    card.get_by_role("button", name="Shelve", exact=True).click()
    expect(card.get_by_role("status")).to_be_visible()
    (row,) = operator.rows()
    assert (row.action, row.reason, row.until_ms) == ("shelve", "new bearing on Monday", row.at_ms + 4 * 3_600_000)


def test_a_refusal_is_shown_beside_the_button(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alarm was raised again, which the page does not know yet."""
    records_of = actions.records_of
    monkeypatch.setattr(
        actions, "records_of",
        lambda web, topic: {name: {**record, "seq": 99} for name, record in records_of(web, topic).items()},
    )  # fmt: skip
    card = operator.tab.locator("section.al.high")
    card.get_by_role("button", name="Acknowledge").click()
    expect(card.get_by_role("alert")).to_be_visible()
    assert operator.rows() == []
