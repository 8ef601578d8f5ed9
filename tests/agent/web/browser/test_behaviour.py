"""The page with a keyboard, with unknown values, without JavaScript, and with wrong names and clocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from support import page_plant
from support.browser import DESKTOP, VIEWS, Watched, chinese
from support.page import Stream
from support.page_plant import GATEWAY, HOSTILE_NAME, HOSTILE_SITE, NAMES, NOW_MS
from support.plant_page import PlantPage

pytestmark = pytest.mark.browser
YEAR_MS = 365 * 86_400_000
STREAMS_MAX = 32  # docs/how-to/page.md


@pytest.fixture
def tab(browser: Browser, plant: PlantPage) -> Iterator[Watched]:
    """A new tab in English."""
    plant.show(stale=False)
    context = browser.new_context(**DESKTOP)
    yield Watched(context, plant.address)
    context.close()


def row(page: Page, name: str) -> str:
    """The text of the row of a motor."""
    return page.locator(".row", has_text=name).inner_text()


def test_unknown_value_opens_its_reason(tab: Watched) -> None:
    page = tab.open("/")
    unknown = page.locator(".row", has_text=NAMES["lift"]).locator(".e button")
    expect(unknown).to_contain_text("wiring fault")
    assert unknown.inner_text().split("\n")[0] == "—"
    unknown.click()
    expect(unknown).to_have_attribute("aria-expanded", "true")
    expect(unknown).to_contain_text("CTs of two phases swapped")
    assert page.url == f"{tab.address}/"  # the row, a link, was not followed


def test_values_change_in_place_without_a_reload(tab: Watched, plant: PlantPage) -> None:
    page = tab.open("/")
    page.evaluate("window.sameDocument = true")
    body = plant.follower.seen[f"{GATEWAY}/descaling"].messages["telemetry"]
    plant.receive("reserve", "telemetry", {**body, "v": {**body["v"], "active_power_w": 99_900.0}})
    expect(page.locator(".row", has_text=NAMES["reserve"])).to_contain_text("99.9", timeout=900)
    assert page.evaluate("window.sameDocument")
    plant.remove("reserve")  # the others receive values each second, this one never does


def test_vanished_motor_leaves_the_page(tab: Watched, plant: PlantPage) -> None:
    """A motor that is not in the configuration and whose retained messages were deleted."""
    page = tab.open("/")
    body = plant.follower.seen[f"{GATEWAY}/descaling"].messages
    plant.receive("spare", "meta", {**body["meta"], "name": "spare pump"})
    plant.receive("spare", "telemetry", body["telemetry"])
    expect(page.get_by_role("link", name="spare pump")).to_be_visible()
    plant.remove("spare")
    expect(page.get_by_role("link", name="spare pump")).to_have_count(0)


def test_motor_that_does_not_exist_says_so(tab: Watched) -> None:
    page = tab.page
    page.goto(f"{tab.address}/m/no-such-motor")
    expect(page.locator("main")).to_contain_text("no-such-motor")
    page.goto(f"{tab.address}/no/such/page")
    expect(page.locator("main")).to_contain_text("This page does not exist")


def test_keyboard_reaches_everything(tab: Watched) -> None:
    """The skip link first, Enter opens a row, arrows move within a group of buttons."""
    page = tab.open("/")
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_focused()
    assert page.locator("a.skip").evaluate("(one) => one.getBoundingClientRect().top") >= 0  # visible while focused
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    page.get_by_role("link", name=NAMES["descaling"], exact=True).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{tab.address}/m/descaling")
    expect(page.locator("main")).to_be_focused()  # Tab continues in the new view
    first = tab.open("/alarms").get_by_role("radio", checked=True).first
    chosen = first.inner_text()
    first.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(":focus")).to_have_attribute("aria-checked", "true")
    expect(page.locator(":focus")).not_to_have_text(chosen)


def test_page_without_javascript_names_the_report(browser: Browser, plant: PlantPage) -> None:
    context = browser.new_context(**DESKTOP, java_script_enabled=False)
    page = context.new_page()
    page.goto(plant.address)
    link = page.get_by_role("link").first
    expect(link).to_be_visible()
    page.goto(f"{plant.address}{link.get_attribute('href')}")
    assert "2025" in page.inner_text("body")
    context.close()


@pytest.fixture
def hostile() -> Iterator[PlantPage]:
    """A page without a configuration, whose names come from messages."""
    page = PlantPage(None)
    page.start()
    try:
        info = {**page_plant.gateway_messages()["info"], "site": HOSTILE_SITE, "assets": ["descaling"]}
        page.follower.gateways[GATEWAY] = "online"
        page.follower.gateway_messages[GATEWAY] = {**page_plant.gateway_messages(), "info": info}
        for motor, kind, body, age_s in page_plant.live_messages(stale=False):
            if motor == "descaling":
                page.receive(motor, kind, {**body, "name": HOSTILE_NAME} if kind == "meta" else body, age_s)
        yield page
    finally:
        page.stop()


def test_script_in_names_is_text(browser: Browser, hostile: PlantPage) -> None:
    context = browser.new_context(**DESKTOP)
    tab = Watched(context, hostile.address, NOW_MS)
    for view in ("motor", "pq", "alarms", "health", "plant"):
        page = tab.open(VIEWS[view])
        expect(page.locator("header")).to_contain_text(HOSTILE_SITE)
        assert page.evaluate("window.hacked") is None
    expect(page.locator("main")).to_contain_text(HOSTILE_NAME)
    assert page.locator("main img").count() == 0
    assert [error for error in tab.errors if "404" not in error] == []
    context.close()


def test_one_stream_too_many_is_refused_and_the_page_says_so(tab: Watched, plant: PlantPage) -> None:
    with ExitStack() as open_streams:
        for _ in range(STREAMS_MAX):
            open_streams.callback(Stream(plant).close)
        assert plant.get("/api/v1/stream").status == 503
        tab.page.goto(plant.address)
        expect(tab.page.locator("p.contact")).to_contain_text("No contact", timeout=10_000)
        expect(tab.page.locator("main")).to_contain_text(NAMES["descaling"])
    expect(tab.page.locator("p.contact")).to_have_count(0, timeout=15_000)


@pytest.mark.parametrize("ahead_ms", [-YEAR_MS, YEAR_MS])
def test_wrong_clock_of_the_browser_makes_no_value_old(tab: Watched, ahead_ms: int) -> None:
    """The page shows the clock of the plant, and ages count from when values came."""
    tab.page.clock.set_system_time((NOW_MS + ahead_ms) / 1000)
    page = tab.open("/")
    page.wait_for_timeout(2500)
    expect(page.locator("header")).to_contain_text("23:46:")
    assert page.locator("p.contact").count() == 0
    assert "old" not in row(page, NAMES["descaling"])
    with page.expect_request("**/history?*") as asked:
        tab.open(VIEWS["motor"])
    (until_ms,) = parse_qs(urlsplit(asked.value.url).query)["to"]
    assert abs(int(until_ms) - NOW_MS) < 60_000  # the history of the plant's last hours


def test_clock_of_the_gateway_in_the_past(browser: Browser, plant: PlantPage) -> None:
    """A gateway without a battery starts in 1970: the views open, and the values are those of now."""
    now_ms, plant.web.now_ms = plant.web.now_ms, lambda: 60_000
    try:
        context = browser.new_context(**DESKTOP)
        tab = Watched(context, plant.address)
        for view in ("motor", "savings", "alarms", "plant"):
            tab.open(VIEWS[view])
        assert "51.7" in row(tab.page, NAMES["descaling"])
        assert tab.errors == []
        context.close()
    finally:
        plant.web.now_ms = now_ms


def test_language_switch_changes_all_texts(tab: Watched) -> None:
    page = tab.open("/")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("nav.nav")).to_contain_text(chinese("Savings"))


def test_names_stand_at_the_ends_of_the_lines(tab: Watched) -> None:
    tab.page.clock.set_fixed_time(NOW_MS / 1000)  # the history ends there
    page = tab.open("/m/descaling")
    page.wait_for_selector(".timeline .u-over")
    for name in ("measured", "efficiency"):
        label = page.locator(".tl-end", has_text=name).bounding_box()
        plots = [one.bounding_box() for one in page.locator(".timeline .u-over").all()]
        plot = plots[name == "efficiency"]
        assert label is not None
        assert plot is not None
        middle = label["y"] + label["height"] / 2
        assert plot["y"] - 1 <= middle <= plot["y"] + plot["height"] + 1
        assert label["x"] >= plot["x"] + plot["width"]


def test_no_plot_is_drawn_without_its_style_sheet(tab: Watched) -> None:
    """Its parts would be one below the other, and the names at the ends of the lines below the chart."""
    tab.page.clock.set_fixed_time(NOW_MS / 1000)
    tab.page.route("**/uplot.min.css", lambda route: route.abort())
    page = tab.open("/m/descaling")
    expect(page.locator(".tl-end")).to_have_count(2)
    page.wait_for_timeout(600)
    assert page.locator(".timeline .u-over").count() == 0


def test_link_to_a_waveform_opens_its_event(tab: Watched) -> None:
    page = tab.open("/alarms")
    link = page.get_by_role("link", name="Waveform").first
    address = link.get_attribute("href")
    link.click()
    expect(page).to_have_url(f"{tab.address}{address}")
    assert "?event=" in str(address)
    events = page.evaluate("fetch('/api/v1/motors/descaling/power-quality').then((r) => r.json())")["events"]
    other = next(event["t_ms"] for event in events["list"] if event["t_ms"] != events["last_ms"])
    tab.open(f"/m/descaling/pq?event={other}")
    expect(page.get_by_role("heading", name="Chosen event")).to_be_visible()
    page.get_by_role("link", name="Show the last event").click()
    expect(page.get_by_role("heading", name="Last event")).to_be_visible()
    expect(page).to_have_url(f"{tab.address}/m/descaling/pq")
