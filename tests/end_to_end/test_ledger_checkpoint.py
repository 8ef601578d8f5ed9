"""The latest checkpoint is retained at the real broker, also when the broker starts after the agent."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support.basics import Mosquitto, wait_until
from support.metered_retrofit import PLANT, appended
from support.mqtt import Listener

from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.clock import SystemClock
from agent.delivery.delivery import Delivery
from agent.delivery.publisher import Publisher
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger import checkpoints
from agent.savings.ledger.recorder import LedgerRecorder
from agent.savings.ledger.verify import verify

pytestmark = pytest.mark.alone


def test_a_broker_that_comes_late_holds_the_checkpoint(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    text = PLANT + f'[mqtt]\nurl = "{broker.url}"\n'
    (tmp_path / "plant.toml").write_text(text, encoding="utf-8")
    config, _ = load_config(tmp_path / "plant.toml")
    clock = SystemClock()
    store = Store(tmp_path / "state", clock)
    yesterday_ms = clock.utc_ns() // 1_000_000 - 86_400_000
    appended(store, yesterday_ms, [("decision", {"event": {"number": 1}})])
    publisher = Publisher(config, assets(config), store, clock)
    delivery = Delivery(config, publisher, store, clock)
    try:
        LedgerRecorder(store, lambda: config, publisher, clock).update()
        time.sleep(0.3)
        broker.start()
        listener = Listener(broker.port)
        topic = "magwatt/v1/mill-2/gw-07/ledger/checkpoint"
        wait_until(lambda: bool(listener.of(topic)), 20, "the checkpoint")
        listener.stop()
        late = Listener(broker.port)
        wait_until(lambda: bool(late.of(topic)), 5, "the retained checkpoint")
        received = late.of(topic)[0].decode()
        late.stop()
    finally:
        delivery.stop(lambda: None)
        broker.stop()
    found = checkpoints.read(received)
    verdict = verify(open_read_only(tmp_path / "state" / "magwatt.sqlite"), checkpoints=found)
    assert verdict.ok, verdict.problems
    assert (verdict.checkpoints, verdict.external_checkpoints) == (1, 1)
