"""A baseline with a driver from a topic: fitted and frozen like one from a register, and equal to the plant model."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from support.basics import HandClock
from support.config_text import bus, load, meter, motor, site, table
from support.pipeline import pipeline_of

from agent.acquisition.mqtt_signals.signal_state import SignalState
from agent.config.model import Config
from agent.config.signals import topic_signals
from agent.core.messages import Message
from agent.delivery.store import Store
from agent.runtime.pipeline import Outputs, Pipeline
from agent.savings.accounting.interval_comparison import expected_wh
from agent.savings.records import repository
from agent.savings.records.model import Driver, Interval
from agent.savings.service import SavingsService
from agent.savings.tracking.tracker import SavingsTracker
from drivers.reading import Quality, Reading

PLANT = "".join((
    site(), table("store", state_dir="state"), table("mqtt", url="mqtt://127.0.0.1:1"),
    bus(poll_interval="60s"), meter(),
    motor("mill", kw=250, rpm=1485),
    table("signal.tonnes", topic="mill/line-3", value="rate", time="t", unit_of_measure="t/h", motor="mill",
          expected_interval="5min"),
))  # fmt: skip
METRIC = "signal_tonnes_t_h"
IDLE_W, PER_TONNE_W = 40_000.0, 2_500.0  # the plant's law: power = idle + so much for each t/h
DAYS, SAMPLE_INTERVAL_S = 4, 60


class Mill:
    """Every 5 minutes a new rate, published once; power follows it immediately."""

    def __init__(self, config: Config, clock: HandClock, pipeline: Pipeline) -> None:
        self.clock, self.pipeline, self.rate = clock, pipeline, 40.0
        self.held = SignalState(topic_signals(config)[0], clock.monotonic_ns(), clock.utc_ns())
        self.chance = random.Random(3)

    def run(self, seconds: float, silent: bool = False) -> None:
        for number in range(round(seconds / SAMPLE_INTERVAL_S)):
            now_ns, utc_ns = self.clock.monotonic_ns(), self.clock.utc_ns()
            if number % 5 == 0 and not silent:
                self.rate = min(max(self.rate + self.chance.gauss(0, 4), 10), 70)
                body = json.dumps({"rate": self.rate, "t": utc_ns // 1_000_000}).encode()
                self.held.on_payload(body, False, now_ns, utc_ns)
            found = self.held.reading(now_ns, utc_ns, Quality.GOOD, True)
            if found is not None:
                self.pipeline.on_reading(found)
            watts = IDLE_W + PER_TONNE_W * self.rate
            self.pipeline.on_reading(Reading("m1", utc_ns, utc_ns, {"active_power": watts}, monotonic_ns=now_ns))
            self.clock.move(SAMPLE_INTERVAL_S)


def test_a_learned_baseline_predicts_the_energy_of_the_simulated_law(tmp_path: Path, clock: HandClock) -> None:
    config = load(tmp_path, PLANT)
    assert config.state_dir is not None
    store = Store(config.state_dir, clock)
    rows: list[Message] = []
    due = {"m1": {"active_power": 60.0}, "signal.tonnes": {METRIC: 1.0}}
    pipeline = pipeline_of(
        config, due, clock, Outputs(rows.append), lambda asset, s: SavingsTracker(asset, s, store, rows.append, "UTC")
    )
    mill = Mill(config, clock, pipeline)
    mill.run(DAYS * 86_400)
    mill.run(2 * 3600, silent=True)
    pipeline.close()
    found = repository.load_intervals(store, "mill")
    driven = [item for item in found if METRIC in item.drivers and item.coverage > 0.99]
    assert len(driven) >= 96 * DAYS - 2
    gap = [item for item in found if METRIC not in item.drivers and item.coverage > 0.99]
    assert len(gap) == 6, "the last value of 14:08 holds for 15 min, more than half of 14:15; 14:30 to 16:00 has none"
    law_wh = [(IDLE_W + PER_TONNE_W * item.drivers[METRIC].mean) / 4 for item in driven[:-1]]
    for item, wanted_wh in zip(driven, law_wh, strict=False):  # a step of the rate may fall into the next beat of 15
        assert item.energy_wh == pytest.approx(wanted_wh, rel=0.04)
    assert sum(item.energy_wh or 0.0 for item in driven[:-1]) == pytest.approx(sum(law_wh), rel=0.001)
    desk = SavingsService(config, store, "mill", clock.utc_ns() // 1_000_000)
    draft, odd = desk.learn((None, None), (), None, False)
    assert odd == []
    assert tuple(draft.drivers) == (METRIC,)
    desk.freeze("Li Wei", again=False)
    frozen = desk.frozen()
    assert frozen is not None
    for rate in (30.0, 40.0, 50.0):
        expected_value = expected_wh(frozen, Interval("mill", 0, 0.0, drivers={METRIC: Driver(rate)}))
        assert expected_value == pytest.approx((IDLE_W + PER_TONNE_W * rate) / 4, rel=0.01), frozen.kind
    store.close()
