"""Maintenance: stored with its interval, published as state, flagged in every message, ended manually or by time."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.basics import HandClock

from agent.cli import main
from agent.core.local_time import zone_of
from agent.core.messages import Message
from agent.core.state_reasons import DEVICE_NOT_RESPONDING, IN_MAINTENANCE, IN_MAINTENANCE_UNTIL, STATE_OF_DEVICES
from agent.delivery.store import Store
from agent.runtime.maintenance import MaintenanceError, MaintenanceLog, MaintenancePeriod
from agent.runtime.message_flags import MessageFlagger
from drivers.reading import Quality
from drivers.reasons import Reason, local_time

PLANT = """
[site]
id = "mill-2"
gateway = "gw-07"
timezone = "Asia/Shanghai"
[store]
state_dir = "state"
[bus.south]
tcp = "127.0.0.1:5020"
[meter.mcc-12]
bus = "south"
unit_id = 1
profile = "eastron/sdm630"
measuring_point = "motor"
class = "0.5S"
[motor.descaler-pump-1]
name = "1#除鳞泵"
kind = "induction"
kw = 132
rpm = 1480
poles = 4
volts = 380
fed_by = "mcc-12"
"""


def test_maintenance_lasts_until_it_is_released(tmp_path: Path) -> None:
    book = MaintenanceLog(tmp_path)
    assert book.active(0) == {}
    book.begin("fan-1", "轴承更换", 1000, None, "li")
    assert book.active(10**15)["fan-1"] == MaintenancePeriod("fan-1", "轴承更换", 1000, None, None, "li")
    assert book.release("fan-1", 5000)
    assert book.active(5000) == {}
    assert book.active(4999)["fan-1"].end_ms == 5000
    assert not book.release("fan-1", 6000), "there is none any more"


@pytest.fixture
def open_path() -> Iterator[Path]:
    """An empty directory that every account may enter; those above `tmp_path` are only open to their owner."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write as somebody else")
def test_root_writes_as_the_owner_of_the_directory_and_follows_no_link_out_of_it(open_path: Path) -> None:
    state, private = open_path / "state", open_path / "etc"
    for folder in (state, private):
        folder.mkdir(mode=0o755)
    os.chown(state, 65534, 65534)
    MaintenanceLog(state).begin("fan-1", "bearings", 1000, None, "li")
    made = (state / "maintenance.sqlite").stat()
    assert (made.st_uid, made.st_gid, os.geteuid(), os.getegid()) == (65534, 65534, 0, 0)
    (state / "maintenance.sqlite").unlink()
    (state / "maintenance.sqlite").symlink_to(private / "cron")
    with pytest.raises(MaintenanceError):
        MaintenanceLog(state).begin("fan-1", "bearings", 1000, None, "li")
    assert list(private.iterdir()) == [], "nothing is made where that account may not write"
    assert os.geteuid() == 0


def test_maintenance_with_a_duration_ends_automatically_and_keeps_its_interval(tmp_path: Path) -> None:
    book = MaintenanceLog(tmp_path)
    book.begin("fan-1", "inspection", 1000, 8200, "li")
    assert book.active(8199)
    assert not book.active(8200)
    assert not book.release("fan-1", 9000), "it was over"
    assert [hold.end_ms for hold in book.between(0, 10_000)] == [8200]


def test_maintenance_without_an_end_lasts_until_released_also_when_a_wrong_clock_dated_it_ahead(tmp_path: Path) -> None:
    """Begun with a clock a year ahead, which is then put right. One with an end is over: its time is unknown."""
    book, year_ms = MaintenanceLog(tmp_path), 365 * 86_400_000
    book.begin("fan-1", "a", year_ms, None, "li")
    book.begin("fan-2", "b", year_ms, year_ms + 7_200_000, "li")
    assert list(book.active(1000)) == ["fan-1"]
    assert book.release("fan-1", 1000)
    assert not book.active(1000)


def test_a_second_maintenance_ends_the_first(tmp_path: Path) -> None:
    book = MaintenanceLog(tmp_path)
    book.begin("fan-1", "a", 1000, None, "li")
    book.begin("fan-2", "other", 1500, None, "li")
    book.begin("fan-1", "b", 2000, None, "wang")
    assert {name: hold.reason for name, hold in book.active(2000).items()} == {"fan-1": "b", "fan-2": "other"}
    assert [(hold.since_ms, hold.end_ms) for hold in book.between(0, 9000, "fan-1")] == [(1000, 2000), (2000, None)]


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "found"), [(0, 1000, 0), (0, 1001, 1), (1999, 3000, 1), (2000, 3000, 0), (1200, 1300, 1)]
)
def test_intervals_touch_or_do_not(tmp_path: Path, from_ms: int, to_ms: int, found: int) -> None:
    """Half open, as [1000, 2000)."""
    book = MaintenanceLog(tmp_path)
    book.begin("fan-1", "a", 1000, 2000, "li")
    assert len(book.between(from_ms, to_ms)) == found


def test_a_change_by_another_process_is_read(tmp_path: Path) -> None:
    reader, writer = MaintenanceLog(tmp_path), MaintenanceLog(tmp_path)
    assert reader.active(1500) == {}
    writer.begin("fan-1", "a", 1000, None, "li")
    assert reader.active(1500)
    writer.release("fan-1", 1400)
    assert reader.active(1500) == {}
    assert os.listdir(tmp_path) == ["maintenance.sqlite"], "nothing is left beside the file"


def test_a_corrupt_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "maintenance.sqlite").write_bytes(b"no database" * 100)
    book = MaintenanceLog(tmp_path)
    for call in (lambda: book.active(0), lambda: book.begin("a", "b", 0, None, "c"), lambda: book.release("a", 0)):
        with pytest.raises(MaintenanceError, match=r"maintenance\.sqlite"):
            call()


class Published:
    """A `Marks` and its output."""

    def __init__(self, folder: Path, clock: HandClock) -> None:
        self.messages: list[Message] = []
        self.states: list[tuple[str, str, Sequence[Reason]]] = []
        self.sure = True
        self.book = MaintenanceLog(folder)
        self.marks = MessageFlagger(
            self.messages.append, lambda *state: self.states.append(state), clock, self.book, lambda: self.sure
        )  # fmt: skip

    def look(self) -> None:
        self.marks.refresh()


@pytest.fixture
def published(tmp_path: Path, clock: HandClock) -> Published:
    return Published(tmp_path, clock)


def now_ms(clock: HandClock) -> int:
    return clock.utc_ns() // 1_000_000


def row(asset: str | None = "fan-1", kind: str = "telemetry") -> Message:
    return Message(asset, kind, 5, {"active_power_w": 1})


def test_each_message_of_a_motor_in_maintenance_has_the_flag_and_no_other_does(
    published: Published, clock: HandClock
) -> None:
    published.book.begin("fan-1", "a", now_ms(clock), None, "li")
    published.look()
    published.messages.clear()
    for asset, kind in (("fan-1", "telemetry"), ("fan-1", "event"), ("fan-2", "telemetry"), (None, "health")):
        published.marks.emit(row(asset, kind))
    assert [Quality.MAINTENANCE in message.quality for message in published.messages] == [True, True, False, False]


def test_the_state_is_maintenance_in_any_state_of_the_devices(published: Published, clock: HandClock) -> None:
    published.marks.publish_state("fan-1", "online", [])
    until_ms = now_ms(clock) + 7_200_000
    published.book.begin("fan-1", "轴承更换", now_ms(clock), until_ms, "li")
    published.look()
    silent = DEVICE_NOT_RESPONDING(device="mcc-1")
    published.marks.publish_state("fan-1", "offline", [silent])
    published.book.release("fan-1", now_ms(clock) + 1)
    clock.move(1)
    published.look()
    maintenance = IN_MAINTENANCE_UNTIL(note="轴承更换", until_ms=until_ms)
    assert [(asset, word, list(reasons)) for asset, word, reasons in published.states] == [
        ("fan-1", "online", []),
        ("fan-1", "maintenance", [maintenance]),
        ("fan-1", "maintenance", [maintenance, STATE_OF_DEVICES(state="offline"), silent]),
        ("fan-1", "offline", [silent]),
    ]


def test_begin_and_end_are_events_with_the_interval(published: Published, clock: HandClock) -> None:
    begin = now_ms(clock)
    published.book.begin("fan-1", "a", begin, begin + 60_000, "li")
    published.look()
    published.look()
    clock.move(61)
    published.look()
    first, last = (message.values for message in published.messages)
    assert (first["event_kind"], first["event_state"], first["event_start_ms"]) == ("maintenance", "begin", begin)
    assert (last["event_state"], last["event_start_ms"], last["event_duration_s"]) == ("end", begin, 60.0)
    assert published.messages[1].t_ms == begin + 60_000


def test_the_duration_of_maintenance_that_a_wrong_clock_dated_ahead_is_not_negative(
    published: Published, clock: HandClock
) -> None:
    published.book.begin("fan-1", "a", now_ms(clock) + 365 * 86_400_000, None, "li")
    published.look()
    published.book.release("fan-1", now_ms(clock))
    published.look()
    last = published.messages[-1].values
    assert (last["event_state"], last["event_duration_s"]) == ("end", 0.0)


def test_after_a_restart_only_changes_are_published(published: Published, clock: HandClock) -> None:
    """While the agent is off, maintenance continues for fan-1, begins for fan-2, passes for fan-3, ends for fan-4."""
    begin = now_ms(clock)
    published.book.begin("fan-1", "a", begin - 5000, None, "li")
    published.book.begin("fan-4", "d", begin - 5000, begin + 9000, "li")
    published.book.begin("fan-2", "b", begin + 1000, None, "li")
    published.book.begin("fan-3", "c", begin + 2000, begin + 3000, "li")
    clock.move(3600)
    published.marks.restore(begin)
    found = [(message.asset, message.values["event_state"]) for message in published.messages]
    assert sorted(found) == [("fan-2", "begin"), ("fan-3", "begin"), ("fan-3", "end"), ("fan-4", "end")]
    published.marks.publish_state("fan-1", "online", [])
    assert [(word, list(reasons)) for _, word, reasons in published.states] == [
        ("maintenance", [IN_MAINTENANCE(note="a")])
    ]
    published.look()
    assert len(published.messages) == 4, "nothing is published twice"


def test_an_unreadable_file_releases_no_motor(published: Published, clock: HandClock) -> None:
    published.book.begin("fan-1", "a", now_ms(clock), None, "li")
    published.look()
    published.book.path.write_bytes(b"\0" * 100)
    published.look()
    published.messages.clear()
    published.marks.emit(row())
    assert Quality.MAINTENANCE in published.messages[0].quality


def test_rows_have_clock_unsynchronized_until_the_clock_is_synchronised(published: Published) -> None:
    published.sure = False
    published.marks.emit(row())
    published.marks.emit(row(None, "health"))
    published.sure = True
    published.marks.emit(row())
    assert [message.quality for message in published.messages] == [
        Quality.CLOCK_UNSYNCHRONIZED, Quality.CLOCK_UNSYNCHRONIZED, Quality.GOOD
    ]  # fmt: skip


# 2026-03-29T00:59:59Z and two hours later, by hand: Berlin goes from +1 to +2 at 01:00 UTC.
@pytest.mark.parametrize(
    ("utc_ms", "zone", "local_text"),
    [
        (1_774_745_999_000, "Europe/Berlin", "2026-03-29 01:59 +0100"),
        (1_774_746_000_000, "Europe/Berlin", "2026-03-29 03:00 +0200"),
        (1_774_746_000_000, "Asia/Shanghai", "2026-03-29 09:00 +0800"),
        (1_774_746_000_000, "Mars/Olympus", "2026-03-29 01:00 +0000"),
    ],
)
def test_times_are_shown_in_the_plants_zone(utc_ms: int, zone: str, local_text: str) -> None:
    assert local_time(utc_ms, zone_of(zone)) == local_text


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MAGWATT_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plant.toml").write_text(PLANT, encoding="utf-8")
    return tmp_path


def hold(*words: str) -> Any:
    return CliRunner().invoke(main, ["maintenance", *words])


def test_the_command_accepts_a_motor_with_a_chinese_name(plant: Path) -> None:
    done = hold("1#除鳞泵", "--reason", "轴承  更换", "--for", "2h")
    assert done.exit_code == 0, done.output
    assert "1#除鳞泵 (descaler-pump-1): " in done.output
    assert "轴承 更换 [" in done.output
    assert done.output.count(" +0800") == 2
    found = json.loads(hold("--list", "--json").output)
    assert (found["motor"], found["reason"], found["until"] - found["since"]) == (
        "descaler-pump-1", "轴承 更换", 7_200_000,
    )  # fmt: skip
    with sqlite3.connect(plant / "state" / "maintenance.sqlite") as db:
        assert db.execute("select since_ms, motor from maintenance").fetchall() == [(found["since"], "descaler-pump-1")]


@pytest.mark.parametrize("wall_s", [0, 4_070_908_800])
def test_the_command_dates_as_the_agent_does_while_the_system_clock_is_wrong(
    plant: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch, wall_s: int
) -> None:
    """1970 and 2099. The agent continues from the end of its last run and would not see other dates."""
    store = Store(plant / "state", clock)
    assert store.run_id
    store.close()
    monkeypatch.setattr("time.time_ns", lambda: wall_s * 10**9)
    assert hold("descaler-pump-1", "--reason", "a", "--for", "2h").exit_code == 0
    [found] = MaintenanceLog(plant / "state").active(now_ms(clock) + 1000).values()
    assert found.since_ms - now_ms(clock) < 1000
    listed = hold("--list", "--json")
    assert listed.exit_code == 0, (listed.output, listed.exception)
    assert json.loads(listed.output)["active"]


def test_an_interval_lasts_also_for_a_command_that_dates_some_milliseconds_before_its_start(tmp_path: Path) -> None:
    """Each command adds the time that it took to read the state to the end of the agent's last run."""
    book = MaintenanceLog(tmp_path)
    book.begin("fan-1", "a", 1_000_000, 1_000_000 + 7_200_000, "li")
    assert book.active(999_995)
    assert not book.active(1_000_000 - 7_200_000)


def test_the_command_releases_and_lists(plant: Path) -> None:
    nothing = hold("--list").output
    assert len(nothing.splitlines()) == 1
    assert hold("descaler-pump-1", "--release").exit_code == 1, "a finding: there is nothing to release"
    hold("descaler-pump-1", "--reason", "a")
    assert "descaler-pump-1" in hold("--list").output
    assert hold("--list").output.count(" +0800") == 1, "no end"
    assert hold("descaler-pump-1", "--release").output.count(" +0800") == 2
    assert hold("--list").output == nothing
    assert "descaler-pump-1" in hold("--list", "--all").output


def test_a_removed_motor_can_be_released(plant: Path) -> None:
    hold("descaler-pump-1", "--reason", "a")
    file = plant / "plant.toml"
    file.write_text(PLANT.replace("descaler-pump-1", "pump-9"), encoding="utf-8")
    assert hold("descaler-pump-1", "--release").exit_code == 0


WRONG_USAGE = [
    (["descaler-pump-2", "--reason", "a"], "did you mean 'descaler-pump-1'"),
    (["descaler-pump-1"], "--reason is missing"),
    (["descaler-pump-1", "--reason", "  "], "--reason is missing"),
    (["descaler-pump-1", "--reason", "a", "--for", "soon"], "expected a duration"),
    (["descaler-pump-1", "--reason", "a", "--for", "nand"], "expected 0.01 to 366 days"),
    (["descaler-pump-1", "--reason", "a", "--for", "d"], '--for d: not a number of days; for example "3d"'),
    (["descaler-pump-1", "--reason", "a", "--for", "400d"], "expected 0.01 to 366 days"),
    (["descaler-pump-1", "--release", "--for", "2h"], "--release cannot be combined"),
    (["--list", "descaler-pump-1"], "--list cannot be combined"),
    (["descaler-pump-1", "--reason", "a", "--all"], "--all is only valid with --list"),
    ([], "MOTOR is missing"),
]


@pytest.mark.parametrize("words", [words for words, _ in WRONG_USAGE])
def test_wrong_usage_is_rejected_in_one_line(plant: Path, words: list[str]) -> None:
    done = hold(*words)
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1
    assert not (plant / "state").exists()


@pytest.mark.text
@pytest.mark.parametrize(("words", "text"), WRONG_USAGE)
def test_the_message_of_wrong_usage(plant: Path, words: list[str], text: str) -> None:
    assert text in hold(*words).output


def test_without_a_configuration_the_command_names_the_searched_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAGWATT_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    done = hold("--list")
    assert done.exit_code == 2
    assert "--config" in done.output
