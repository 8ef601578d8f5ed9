"""Snapshots of a waveform: one a day while the motor runs, one around each event, and not too many."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.basics import HandClock
from support.config_text import bus, load, meter, motor, site, table
from support.snapshots import I_A, ROLES, START_NS, blocks, sines

from agent.config.topology import assets
from agent.core.messages import Message
from agent.delivery.files.snapshots import SnapshotHeader, read_waiting, waiting
from agent.delivery.store import Store
from agent.runtime.assembly import Agent
from agent.runtime.snapshot_stage import Snapshots, SnapshotServices, reason_of
from agent.runtime.stage import Stage, StageContext

RATE_HZ = 1000.0
LENGTH = 10_000  # samples: 10 s
DAY_S = 86_400


class Bench:
    """A motor on the line whose stream the test supplies. taken: headers and samples."""

    def __init__(self, folder: Path, on_disk: int = 0) -> None:
        text = "\n".join((
            site(), bus(), meter(), motor(amps=40.0, class_="IE3", r1_ohm=0.1),
            table("motor.p1.waveform", serial="/dev/ttyUSB0", measuring_point="motor"),
        ))  # fmt: skip
        self.taken: list[tuple[SnapshotHeader, Any]] = []
        self.now_s, self.index, self.on_disk = 0.0, 0, on_disk
        services = SnapshotServices(
            lambda name, day: self.on_disk,
            lambda header, samples: self.taken.append((header, samples)),
            lambda: "c0ffee",
        )
        self.snapshots = Snapshots(services, lambda: self.now_s)
        asset = assets(load(folder, text))[0]
        stage = self.snapshots.stage(StageContext(asset, 1.0, None, "UTC", {}))
        assert stage is not None
        self.stage: Stage = stage

    def play(self, seconds: float, amps: float = I_A) -> None:
        for block in blocks(seconds, RATE_HZ, amps=amps, begin=self.index):
            self.now_s += block.samples.shape[1] / RATE_HZ
            self.stage.on_waveform(block, self.now_s)
        self.index += round(seconds * RATE_HZ)

    def skip(self, seconds: float) -> None:
        self.index += round(seconds * RATE_HZ)
        self.now_s += seconds

    def event(self, kind: str, **values: Any) -> None:
        self.snapshots.on_message(Message("p1", "event", 0, {"event_kind": kind, **values}))

    def reasons(self) -> list[str]:
        return [header.reason for header, _ in self.taken]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_daily_snapshot_has_the_samples_and_what_the_analyses_need(bench: Bench) -> None:
    bench.play(25)
    [(header, samples)] = bench.taken
    end = round((header.start_ns - START_NS) / 1e9 * RATE_HZ) + LENGTH
    assert_array_equal(samples, sines(25, RATE_HZ)[:, end - LENGTH : end].astype(np.float32))
    assert (header.reason, header.samples, header.missing, header.channels) == ("daily", LENGTH, 0, ROLES)
    assert header.clipping == (600.0,) * 3 + (None,) * 3
    assert (header.scales, header.quality, header.config, header.u_pct) == ((0.02,) * 6, ("SIMULATED",), "c0ffee", None)
    assert header.machine is not None
    assert header.plate is not None
    assert header.supply is not None
    assert (header.machine["at"], header.machine["r1_ohm"], header.plate["sync_rpm"]) == ("line", 0.1, 1500)
    assert header.supply["voltage_v"] == pytest.approx(400 / math.sqrt(3))


def test_one_a_day_and_none_while_the_motor_is_off(bench: Bench) -> None:
    bench.play(30, amps=0.5)
    assert not bench.taken
    bench.play(30)
    bench.play(60)
    bench.skip(DAY_S)
    bench.play(30)
    assert bench.reasons() == ["daily", "daily"]


def test_a_restart_on_a_day_with_a_snapshot_takes_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path, on_disk=1)
    bench.play(30)
    assert not bench.taken
    bench.skip(DAY_S)
    bench.play(30)
    assert bench.reasons() == ["daily"]


def test_an_event_is_in_the_middle_of_its_snapshot(bench: Bench) -> None:
    bench.play(30)
    bench.event("dip")
    at = bench.index
    bench.play(6)
    header, samples = bench.taken[-1]
    assert header.reason == "dip"
    begin = round((header.start_ns - START_NS) / 1e9 * RATE_HZ)
    assert begin + LENGTH / 2 == at
    assert_array_equal(samples[0], sines(36, RATE_HZ)[0, begin : begin + LENGTH].astype(np.float32))


def test_events_are_limited_and_those_without_a_snapshot_are_counted(bench: Bench) -> None:
    bench.play(30)
    for _ in range(15):
        for _ in range(4):
            bench.event("alarm", alarm="phase_loss", alarm_change="raised")
        bench.play(16)
        bench.skip(600)
        bench.play(0.1)
    found = [header for header, _ in bench.taken if header.reason != "daily"]
    assert [header.reason for header in found] == ["phase_loss"] * 12
    assert [header.omitted for header in found] == [3] * 12


def test_missing_samples_are_nan_and_counted(bench: Bench) -> None:
    bench.play(20)
    bench.event("swell")
    bench.play(2)
    bench.skip(1.5)
    bench.play(3)
    header, samples = bench.taken[-1]
    assert header.missing == 1500
    begin = round((header.start_ns - START_NS) / 1e9 * RATE_HZ)
    assert_array_equal(np.flatnonzero(np.isnan(samples[3])) + begin, np.arange(22_000, 23_500))
    assert_array_equal(samples[0, :2000], sines(30, RATE_HZ)[0, begin : begin + 2000].astype(np.float32))


def test_a_stream_with_other_channels_begins_again(bench: Bench) -> None:
    bench.play(9)
    for block in blocks(9, 2 * RATE_HZ, begin=2 * bench.index):
        bench.now_s += block.samples.shape[1] / block.rate_hz
        bench.stage.on_waveform(block, bench.now_s)
    assert not bench.taken


@pytest.mark.parametrize(("values", "reason"), [
    ({"event_kind": "inrush"}, "inrush"),
    ({"event_kind": "alarm", "alarm": "rotor_bars", "alarm_change": "raised"}, "rotor_bars"),
    ({"event_kind": "alarm", "alarm": "rotor_bars", "alarm_change": "returned"}, ""),
    ({"event_kind": "config_changed"}, ""),
])  # fmt: skip
def test_events_of_the_supply_and_new_alarms_are_reasons(values: dict[str, Any], reason: str) -> None:
    assert reason_of(values) == reason


@pytest.mark.parametrize(("tables", "reasons"), [
    (table("file", dir="lake", layout="wide"), ["daily", "dip"]), (table("file", dir="lake"), None),
])  # fmt: skip
def test_the_agent_writes_a_snapshot_of_an_event_that_it_found(
    tmp_path: Path, tables: str, reasons: list[str] | None
) -> None:
    """From samples to the file that waits for its conversion; none without a lake."""
    text = "\n".join((
        site(), table("store", state_dir="state"), bus(), meter(), motor(amps=40.0),
        table("motor.p1.waveform", serial="/dev/ttyUSB0", measuring_point="motor"),
    ))  # fmt: skip
    clock = HandClock()
    store = Store(tmp_path / "state", clock)
    agent = Agent(load(tmp_path, text + tables), clock, store)
    agent.connect()
    for block in blocks(24 if reasons else 0, 2 * RATE_HZ, start_ns=clock.utc_ns(), length=2000):
        if block.index == 24_000:
            block.samples[:3, 500:900] *= 0.6
        clock.move(1)
        agent.pipeline.process(block)
    store.close()
    assert (agent.snapshots is None) == (reasons is None)
    assert [read_waiting(path)[0].reason for path in waiting(tmp_path / "lake")] == (reasons or [])
