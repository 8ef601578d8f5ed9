"""`magwatt doctor` on a bus that another master polls: what is received, and what is missing; nothing is sent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.config_text import bus, load, meter, site

from agent.acquisition.pollers import pollers
from agent.commissioning.doctor import listening
from agent.commissioning.doctor import reasons as codes
from agent.commissioning.doctor.finding import DoctorFinding, Level
from agent.core.clock import SystemClock
from drivers.bus_listener import BusListener, HeardBlock
from drivers.error_reasons import NOTHING_HEARD, REGISTERS_NOT_READ
from drivers.framing import Request
from drivers.overheard import TrafficCounts

VOLTS_230 = bytes.fromhex("43660000") * 3


def examined(
    folder: Path, monkeypatch: pytest.MonkeyPatch, counts: TrafficCounts, *units: int, period_s: float = 0.5
) -> list[DoctorFinding]:
    """The findings on a line with these counts, on which the first registers of these units are read."""
    monkeypatch.setattr(listening, "listening_s", lambda poller: 0.0)
    line = bus(tcp=None, serial="/dev/absent", line="19200 8N1", mode="listen")
    config = load(folder, site() + line + meter(profile="eastron/sdm630", measuring_point="feeder"))
    (poller,) = pollers(config, SystemClock(), lambda reading: None)
    link, now_s = poller.link, SystemClock().monotonic_ns() / 1e9
    assert isinstance(link, BusListener)
    found = [HeardBlock(Request(unit, 4, 0, 6), VOLTS_230, 0, now_s, 5, now_s - 4 * period_s, now_s) for unit in units]
    link.start = lambda: None  # type: ignore[method-assign]
    link.blocks = lambda unit=None: [block for block in found if unit in (None, block.request.unit)]  # type: ignore[method-assign]
    monkeypatch.setattr(BusListener, "counts", property(lambda self: counts))
    return asyncio.run(listening.listening_findings(poller))


GOOD = TrafficCounts(n_bytes=1000, requests=50, decoded=50)


def test_what_is_heard_and_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard, missing = examined(tmp_path, monkeypatch, GOOD, 1)
    assert (heard.level, heard.reason.code, heard.reason.data["n"]) == (Level.FINE, codes.DEVICE_HEARD, 5)
    assert heard.reason.data["period_s"] == 0.5
    assert (missing.level, missing.reason.code) == (Level.FINDING, codes.DEVICE_NOT_HEARD)
    assert missing.reason.data["cause"].code == REGISTERS_NOT_READ


def test_a_device_that_is_not_read_and_one_that_is_not_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, other = examined(tmp_path, monkeypatch, GOOD, 7)
    assert silent.reason.data["cause"].code == NOTHING_HEARD
    assert (other.level, other.reason.data["unit_ids"]) == (Level.NOTE, ("7",))


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        (TrafficCounts(), codes.LINE_SILENT),
        (TrafficCounts(n_bytes=900, noise=900), codes.LISTENED_SETTINGS),
    ],
)  # fmt: skip
def test_a_line_without_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counts: TrafficCounts, code: str
) -> None:
    assert [item.reason.code for item in examined(tmp_path, monkeypatch, counts)] == [code]


def test_a_slow_master_lost_responses_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = TrafficCounts(n_bytes=1000, requests=50, decoded=40, unpaired=3, ambiguous=7)
    counts.writes[31, 6] = 4
    found = {item.reason.code: item.reason for item in examined(tmp_path, monkeypatch, counts, 1, period_s=8.0)}
    assert found[codes.LISTENED_SLOWER].data["interval_s"] == 8
    assert found[codes.LISTENED_NOT_DECODED].data["n"] == 10
    assert found[codes.MASTER_WRITES].data == {"unit_id": 31, "function": 6, "n": 4}
