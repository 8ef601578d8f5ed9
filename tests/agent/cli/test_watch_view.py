"""The screen of the live table: order, filter, width, height and scrolling, as lines."""

from __future__ import annotations

import pytest
from support.watch_plant import SITE, VALUES, add, plant
from wcwidth import wcswidth

from agent.cli.watch_rows import GatewayRows, rows_by_gateway
from agent.cli.watch_table import COLUMNS, Line, format_age
from agent.cli.watch_view import View, screen, table
from agent.core.text import _, use
from agent.delivery.mqtt.follower import Follower


def texts(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line) for line in lines]


def assets(groups: list[GatewayRows]) -> list[list[str]]:
    return [[row.followed.asset for row in group.rows] for group in groups]


def test_motors_are_in_natural_order_by_gateway_and_those_in_trouble_come_first() -> None:
    follower = plant(12)
    add(follower, "gw-7", 11, age_s=60)
    groups = rows_by_gateway(follower)
    assert [group.gateway.rpartition("/")[2] for group in groups] == ["gw-7", "gw-9", "gw-10"]
    numbers = [11, *range(1, 11), 12]
    assert assets(groups) == [[f"pump-{n}" for n in numbers], ["pump-1"], ["pump-2", "pump-1"]]
    by_name = rows_by_gateway(follower, trouble_first=False)
    assert assets(by_name)[0] == [f"pump-{n}" for n in range(1, 13)]
    assert rows_by_gateway(plant(2))[-1].gateway == f"{SITE}/gw-7", "a gateway without trouble is the last one"


def test_a_motor_in_maintenance_is_not_in_trouble() -> None:
    follower = plant(1)
    add(follower, "gw-7", 1, age_s=3600).messages["state"]["state"] = "maintenance"
    [row] = [row for group in rows_by_gateway(follower) for row in group.rows if group.gateway.endswith("gw-7")]
    assert row.stale
    assert not row.in_trouble


@pytest.mark.parametrize(
    ("interval_s", "age_s", "stale"), [(0, 4, False), (0, 6, True), (10, 29, False), (10, 31, True), (3600, 181, True)]
)
def test_a_row_is_stale_after_five_seconds_or_three_intervals(interval_s: float, age_s: float, stale: bool) -> None:
    follower = Follower(plant(0).broker, "#")
    add(follower, "gw-7", 1, age_s).interval_s = interval_s
    [[row]] = [group.rows for group in rows_by_gateway(follower)]
    assert row.stale == stale


@pytest.mark.parametrize(
    ("search", "expected"),
    [("除鳞", {"pump-3"}), ("PUMP-12", {"pump-12"}), ("gw-10", {"pump-1", "pump-2"}), ("offline gw-10", {"pump-2"}),
     ("boiler cooling", {"pump-5"}), ("离线", set()), ("nothing", set())],
)  # fmt: skip
def test_the_filter_searches_names_topics_and_states(search: str, expected: set[str]) -> None:
    assert {name for names in assets(rows_by_gateway(plant(), search)) for name in names} == expected


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize(("width", "height"), [(40, 10), (80, 24), (120, 30), (200, 50)])
@pytest.mark.parametrize("view", [View(), View(offset=10**6), View(notes_only=True), View(search="gw-10")])
def test_a_screen_has_exactly_its_height_and_at_most_its_width(
    language: str, width: int, height: int, view: View
) -> None:
    use(language)
    try:
        lines = texts(screen(plant(), view, width, height, "mqtt://127.0.0.1"))
    finally:
        use(None)
    assert len(lines) == height
    assert max(map(wcswidth, lines)) <= width, "cells of a terminal by an independent table"


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_columns_are_aligned_with_wide_characters(language: str) -> None:
    use(language)
    try:
        lines = [line for line in texts(screen(plant(), View(), 140, 30)) if "71.24" in line]
    finally:
        use(None)
    assert len(lines) > 10
    assert len({wcswidth(line.partition("71.24")[0]) for line in lines}) == 1
    assert len({wcswidth(line) for line in lines}) == 1


def test_scrolling_reaches_each_motor_and_moves_no_column() -> None:
    follower, view = plant(), View(search="gw-7")
    seen, heads = set[str](), set[str]()
    for _page in range(4):
        lines = texts(screen(follower, view, 80, 24))
        heads.add(lines[1])
        seen |= {line.split()[0] for line in lines if "71.24" in line}
        view.offset += view.page_lines
    expected = {f"pump-{number}" for number in range(1, 41)} - {"pump-3", "pump-5"} | {"1#除鳞泵", "Cooling-water"}
    assert seen == expected
    assert len(heads) == 1


def test_stale_rows_show_their_age_and_a_mark() -> None:
    follower = plant(2)
    add(follower, "gw-7", 2, age_s=300)
    first = texts(table(follower, 200))[4]
    assert first.startswith("! pump-2")
    assert first.endswith("5 min")


@pytest.mark.parametrize(
    ("age_s", "text"), [(None, "–"), (0.9, "0 s"), (99.9, "99 s"), (100, "1 min"), (6000, "1 h"), (172_800, "2 d")]
)
def test_an_age_is_rounded_down(age_s: float | None, text: str) -> None:
    assert format_age(age_s) == text


def test_more_notes_than_fit_are_counted_and_shown_by_a_key() -> None:
    follower = plant(0)
    for number in range(1, 9):
        add(follower, "gw-10", number).messages["state"] |= {
            "state": "stale",
            "reason": [{"code": "x", "data": {}, "text": f"cause {number}"}],
        }
    few = "\n".join(texts(screen(follower, View(), 80, 24)))
    assert _("{n:d} more {n:note|notes}: key n", n=6) in few  # one names the gateway that is offline
    everything = "\n".join(texts(screen(follower, View(notes_only=True), 80, 24)))
    assert all(f"cause {number}" in everything for number in range(1, 9))


@pytest.mark.parametrize(
    ("values", "measuring_point", "expected"),
    [
        ({"motor_current_a": 70.0}, "drive-input", "70.0"),
        ({}, "drive-input", "{current} (input)"),
        ({}, "feeder", "{current} (input)"),
        ({}, "motor", "130.2"),
        ({"current_l1_a": None}, "drive-input", "–"),
    ],
)
def test_the_current_is_that_of_the_motor_or_marked(
    values: dict[str, float | None], measuring_point: str, expected: str
) -> None:
    follower = plant(0)
    followed = add(follower, "gw-7", 1)
    followed.messages["meta"] |= {"meter": {"measuring_point": measuring_point}}
    followed.messages["telemetry"] |= {"v": VALUES | values}
    row = next(row for group in rows_by_gateway(follower) for row in group.rows if row.followed is followed)
    assert next(column for column in COLUMNS if column.unit == "A").cell(row).text == _(expected, current="130.2")
