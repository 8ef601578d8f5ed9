"""Functions of the page's scripts, run in the browser: order, freshness, numbers, sums that close, last night."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page
from support.plant_page import PlantPage

from agent.savings.report.formatting import with_u

pytestmark = pytest.mark.browser
PRIORITIES = ("safety", "high", "medium", "low", "unknown", "maintenance", "normal")  # page-design: trouble first
NIGHT = "m.nightInWords(a[0], (id) => id, a[1], a[2])"
DIP = {"kind": "dip", "pct": 62, "duration_s": 0.14, "priority": "low", "text": "dip"}


@pytest.fixture(scope="module")
def page(browser: Browser, plant: PlantPage) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(plant.address)
    yield page
    context.close()


def call(page: Page, module: str, expression: str, argument: Any = None) -> Any:
    """The value of an expression of `m`, a module of the page, and `a`."""
    return page.evaluate(f"(a) => import('/static/{module}').then((m) => ({expression}))", argument)


def test_rows_stand_in_order_of_trouble_and_else_of_the_configuration(page: Page) -> None:
    chance = random.Random(1)
    rows = [
        {"id": number, "priority": chance.choice(PRIORITIES), "acknowledged": chance.random() < 0.5}
        for number in range(60)
    ]
    found = call(page, "core/plant.js", "m.inOrder(a)", rows)
    assert found == sorted(rows, key=lambda row: (PRIORITIES.index(row["priority"]), row["acknowledged"]))


@pytest.mark.parametrize(
    ("age_s", "interval_s", "outdated", "expected"),
    [
        (0.4, 1, False, "fresh"), (3.1, 1, False, "stale"), (61, 1, False, "lost"), (0.4, 1, True, "stale"),
        (61, 1, True, "lost"), (29, 10, False, "fresh"), (31, 10, False, "stale"), (179, 60, False, "fresh"),
        (181, 60, False, "lost"), (None, 1, False, "fresh"),
    ],
)  # fmt: skip
def test_value_older_than_three_intervals_is_stale_and_than_a_minute_is_not_shown(
    page: Page, age_s: float | None, interval_s: float, outdated: bool, expected: str
) -> None:
    row = {"age_s": 0 if age_s is not None else None, "interval_s": interval_s, "stale": False, "heard_ms": 1e12}
    now_ms = 1e12 + 1000 * (age_s or 0)
    assert call(page, "core/plant.js", "m.freshness(...a)", [row, now_ms, outdated]) == expected


def test_numbers_are_rounded_as_in_the_report(page: Page) -> None:
    chance = random.Random(2)
    pairs = [(chance.uniform(-1, 1) * 10 ** chance.uniform(-1, 6), 10 ** chance.uniform(-2, 5)) for _ in range(300)]
    pairs += [(0.123, 0.0998), (12345.6, 99.6), (-0.04, 3.0)]
    found = call(
        page, "core/numbers.js", "a.map(([v, u]) => [v, u].map((x) => m.fixed(x, m.decimalsOf(u, -9, 9))))", pairs
    )
    expected = [[text.replace("\u202f", "\u2009") for text in with_u(value, u)] for value, u in pairs]
    assert found == expected


def value(power_w: float | None, u_w: float | None = None) -> dict[str, Any]:
    return {"v": power_w, "u": u_w, "q": "good", "why": None if power_w is not None else {"text": "no reply"}}


@pytest.mark.parametrize("motors", [1, 9, 10, 40])
def test_powers_close_to_the_digit_that_is_shown(page: Page, motors: int) -> None:
    """The parts add up to the sum, and with what is not measured to the supply; nothing is left out."""
    chance = random.Random(motors)
    inputs_w = [10 ** chance.uniform(2, 5) for _ in range(motors)]
    parts = [{"name": str(number), "input_w": value(w), "shaft_w": value(0.9 * w, 50), "losses_w": value(0.1 * w, 50)}
             for number, w in enumerate(inputs_w)]  # fmt: skip
    flow = {
        "supply_w": value(1.1 * sum(inputs_w), 100),
        "parts": parts,
        "not_measured_w": value(0.1 * sum(inputs_w), 100),
    }
    shown = call(page, "charts/flow.js", "m.flowOf(a)", flow)
    tenths = [round(10 * part["input"]) for part in shown["parts"]]
    assert sum(tenths) == round(10 * shown["motors"])
    assert round(10 * shown["supply"]) == round(10 * shown["motors"]) + round(10 * shown["rest"])
    assert abs(shown["motors"] - sum(inputs_w) / 1000) <= 0.05 * motors + 1e-6  # each is rounded to 0.1 kW
    assert len(shown["parts"]) == min(motors, 9)


def test_unknown_power_is_counted_and_makes_the_sum_of_the_others_unknown(page: Page) -> None:
    powers_w = [*(1000.0 * number for number in range(20, 9, -1)), None]
    parts = [{"name": "m", "input_w": value(w), "shaft_w": value(w), "losses_w": value(w)} for w in powers_w]
    shown = call(
        page, "charts/flow.js", "m.flowOf(a)", {"supply_w": None, "parts": parts, "not_measured_w": None, "why": None}
    )
    assert shown["unknown"] == 1
    assert (shown["supply"], shown["rest"]) == (None, None)
    assert shown["parts"][-1]["shaft"]["v"] is None


def test_hour_of_power_moves_on_by_whole_minutes(page: Page) -> None:
    kw = [float(number) for number in range(60)]
    plant = {"motors": [], "sparks": {"m": {"step_s": 60, "end_ms": 1_000_000, "kw": kw}}}
    after = {}
    for seconds in (30, 125, 7200):
        rows = [{"id": "m", "power_w": value(99_000.0)}]
        event = {"t": datetime.fromtimestamp(1000 + seconds, UTC).isoformat(), "motors": rows}
        after[seconds] = call(page, "core/plant.js", "m.merged(...a, 0).sparks.m", [plant, event])
    assert (after[30]["kw"], after[30]["end_ms"]) == ([*kw[:-1], 99.0], 1_000_000)
    assert (after[125]["kw"], after[125]["end_ms"]) == ([*kw[2:], None, 99.0], 1_120_000)
    assert after[7200]["kw"] == [*itertools.repeat(None, 59), 99.0]


@pytest.mark.parametrize(
    ("now", "event", "within"),
    [
        ("2026-03-02 08:00", "2026-03-02 02:14", True), ("2026-03-02 23:46", "2026-03-02 02:14", True),
        ("2026-03-02 08:00", "2026-03-01 22:01", True), ("2026-03-02 08:00", "2026-03-01 21:59", False),
        ("2026-03-02 08:00", "2026-03-02 06:01", False), ("2026-03-02 02:15", "2026-03-02 02:14", True),
        ("2026-03-03 00:10", "2026-03-02 02:14", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC", "America/St_Johns"])
def test_last_night_is_from_22_to_6_in_the_zone_of_the_plant(
    page: Page, zone: str, now: str, event: str, within: bool
) -> None:
    now_ms, event_ms = (
        1000 * datetime.fromisoformat(t).replace(tzinfo=ZoneInfo(zone)).timestamp() for t in (now, event)
    )
    events = [{**DIP, "t": datetime.fromtimestamp(event_ms / 1000, UTC).isoformat()}]
    text = call(
        page, "components/event_list.js", "m.nightInWords(a[0], (id) => id, a[1], a[2])", [events, zone, now_ms]
    )
    assert ("62" in text) == within


def test_an_alarm_and_its_end_count_once(page: Page) -> None:
    now = datetime(2026, 3, 2, 8, tzinfo=UTC)
    alarms = [{"t": f"2026-03-02T02:1{minute}:00Z", "motor": "a", "kind": "alarm", "priority": priority, "pct": None}
              for minute, priority in ((1, "high"), (2, "normal"), (3, "normal"))]  # fmt: skip
    for events, expected in ((alarms, "alarm: 1"), (alarms[1:], "no new alarm")):
        assert call(page, "components/event_list.js", NIGHT, [events, "UTC", 1000 * now.timestamp()]) == expected


@pytest.mark.parametrize(
    ("silences", "expected"),
    [
        ([("pump 2", "stale", 1019.995)], "no reply of pump 2, 17 min"),
        ([("a", "stale", 20), ("a", "offline", 25), ("b", "offline", None)],
         "no reply of a, 2 times, 45 s in all · no reply of b until now"),
        ([(name, "stale", 60 * number) for number, name in enumerate("abcd", 1)], "no reply of 4 motors, up to 4 min"),
    ],
)  # fmt: skip
def test_silence_is_told_with_motor_and_time(page: Page, silences: list[Any], expected: str) -> None:
    now = datetime(2026, 3, 2, 8, tzinfo=UTC)
    events = [{"t": "2026-03-02T02:14:00Z", "motor": motor, "kind": kind, "duration_s": duration_s, "pct": None}
              for motor, kind, duration_s in silences]  # fmt: skip
    argument = [events, "UTC", 1000 * now.timestamp()]
    text = call(page, "components/event_list.js", NIGHT, argument)
    assert text.replace("\u00a0", " ") == expected


def test_a_returned_alarm_began_when_it_was_raised(page: Page) -> None:
    raised, ended = "2026-11-29T13:51:07Z", "2026-11-29T13:52:47Z"
    returned = {"since": ended, "alarm": {"state": "RTNUN", "raised": raised}}
    assert call(page, "components/alarm_facts.js", "m.began(a)", returned) == raised
    assert call(page, "components/alarm_facts.js", "m.began(a)", {"since": ended, "alarm": None}) == ended


def test_what_returned_without_an_operator_is_in_the_verdict(page: Page) -> None:
    verdict = {"unacknowledged": 0, "acknowledged": 0, "returned": 1, "reporting": 4, "motors": 5}
    assert call(page, "core/plant.js", "m.verdictLine(a)", verdict).startswith("1 returned, not acknowledged")
