"""What is received on a bus becomes readings, without a request."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from support.config_text import bus, load, meter, site

from agent.acquisition.listening_poller import ListeningPoller
from agent.acquisition.poll_plan import BUS_LISTENED, plan, plan_as_object, plan_as_text
from agent.acquisition.pollers import pollers
from agent.config.model import Config
from agent.core.clock import SystemClock
from drivers.bus_listener import BusListener, HeardBlock
from drivers.error_reasons import NOTHING_HEARD
from drivers.framing import Request
from drivers.reading import Quality, Reading

VOLTS_230 = bytes.fromhex("43660000") * 3


def configured(folder: Path) -> Config:
    line = bus(tcp=None, serial="/dev/absent", line="19200 8N1", mode="listen", poll_interval="0.1s")
    return load(folder, site() + line + meter(profile="eastron/sdm630", measuring_point="feeder", ct="150/5", **{
        "ratio_applied_by": "agent"}))  # fmt: skip


def run(config: Config, seconds: float, *blocks: HeardBlock) -> list[Reading]:
    """The readings of `seconds`, during which these blocks are received."""
    readings: list[Reading] = []
    (poller,) = pollers(config, SystemClock(), readings.append)
    assert isinstance(poller, ListeningPoller)
    link = poller.link
    assert isinstance(link, BusListener)
    link.start = lambda: None  # type: ignore[method-assign]
    link.blocks = lambda unit=None: list(blocks)  # type: ignore[method-assign]

    async def scene() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(poller.run(), seconds)

    asyncio.run(scene())
    return readings


def test_a_response_becomes_one_reading(tmp_path: Path) -> None:
    now_s = SystemClock().monotonic_ns() / 1e9
    heard = HeardBlock(Request(1, 4, 0, 6), VOLTS_230, 0, now_s, 3, now_s - 0.2, now_s)
    (reading,) = run(configured(tmp_path), 0.35, heard)
    assert reading.values["voltage_l1n"] == 230.0
    assert reading.quality == Quality.LISTENED
    assert reading.monotonic_ns == int(now_s * 1e9)


def test_silence_becomes_a_reading_without_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only when the other master has had time for several requests."""
    assert run(configured(tmp_path), 0.3) == []
    monkeypatch.setattr(BusListener, "seconds", property(lambda self: 60.0))
    readings = run(configured(tmp_path), 0.3)
    assert readings
    for reading in readings:
        assert Quality.NO_REPLY in reading.quality
        assert set(reading.values.values()) == {None}
        assert reading.error is not None
        assert reading.error.code == NOTHING_HEARD


def test_the_plan_needs_no_bus_time(tmp_path: Path) -> None:
    (found,) = plan(configured(tmp_path))
    assert (found.listens, found.utilization, found.blocks) == (True, 0.0, ())
    assert BUS_LISTENED in [reason.code for reason in found.notes]
    assert plan_as_object(found)["mode"] == "listen"
    assert len(plan_as_text(found).splitlines()) == 2
