"""What a start knows about a bus: a stop of an earlier process, and a clean end shortly before."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from support.basics import HandClock
from support.config_text import bus, load, meter, site
from support.store import kill

from agent.acquisition.bus_stops import (
    STOP,
    Uptime,
    apply_stops,
    command_pollers,
    modbus_links,
    save_clean_end,
    skip_listening,
    stop_as_object,
)
from agent.acquisition.pollers import pollers
from agent.acquisition.scheduler import BusPoller
from agent.config.model import Config
from agent.delivery.store import Store
from drivers.foreign_master import ForeignTraffic
from drivers.modbus_link import ModbusLink

METER = meter(profile="eastron/sdm630", measuring_point="feeder")
TRAFFIC = ForeignTraffic(1_790_000_000_000, 0.0, Counter({(31, 3, 64): 5, (77, 17, -1): 2}), Counter({(9, 4): 3}))


def configured(folder: Path, port: str = "/dev/ttyS7", **more: object) -> Config:
    where = {"tcp": None, "serial": port, "line": "19200 8N1"} if port.startswith("/") else {"tcp": port}
    return load(folder, site() + f'[store]\nstate_dir = "{folder}"\n' + bus(**where, **more) + METER)


def polled(config: Config, clock: HandClock) -> tuple[list[BusPoller], ModbusLink]:
    made = pollers(config, clock, lambda reading: None)
    (link,) = modbus_links(made).values()
    return made, link


class Boot:
    """The uptime of a computer."""

    def __init__(self) -> None:
        self.identity, self.seconds = "a", 100.0

    def __call__(self) -> Uptime:
        return self.identity, self.seconds


def started(folder: Path, boot: Boot, clock: HandClock, stopped_cleanly: bool = True, heard: bool = False) -> bool:
    """One run of the agent. Returns whether its start needed no listening."""
    store = Store(folder, clock)
    assert store.run_id
    made, link = polled(configured(folder), clock)
    skip_listening(store, made, boot)
    listened = link.listened
    if stopped_cleanly:
        if not heard:
            save_clean_end(store, "b", link, boot)
        store.close()
    else:
        kill(store)
    return listened


def test_listening_is_omitted_only_shortly_after_a_clean_end(tmp_path: Path) -> None:
    boot, clock = Boot(), HandClock()
    assert not started(tmp_path, boot, clock), "the first start"
    boot.seconds += 59
    assert started(tmp_path, boot, clock)
    boot.seconds += 61
    assert not started(tmp_path, boot, clock), "too long ago"
    boot.seconds += 5
    assert started(tmp_path, boot, clock, stopped_cleanly=False)
    boot.seconds += 5
    assert not started(tmp_path, boot, clock), "the last run was killed"
    boot.seconds += 5
    assert started(tmp_path, boot, clock, heard=True)
    boot.seconds += 5
    assert not started(tmp_path, boot, clock), "the last run had received another master"


def test_a_clean_end_before_a_power_failure_does_not_count(tmp_path: Path) -> None:
    """Without a battery clock, UTC continues where it ended; the identity of the boot and the uptime do not."""
    boot, clock = Boot(), HandClock()
    started(tmp_path, boot, clock)
    boot.identity, boot.seconds = "b", 101.0
    assert not started(tmp_path, boot, clock)
    boot.seconds = 50.0
    assert not started(tmp_path, boot, clock), "uptime cannot decrease"


def test_a_clean_end_counts_only_for_the_same_line(tmp_path: Path) -> None:
    boot, clock = Boot(), HandClock()
    started(tmp_path, boot, clock)
    store = Store(tmp_path, clock)
    assert store.run_id
    made, link = polled(configured(tmp_path, "/dev/ttyS8"), clock)
    skip_listening(store, made, boot)
    assert not link.listened
    store.close()


@pytest.fixture
def store_with_stop(tmp_path: Path) -> Store:
    store = Store(tmp_path, HandClock())
    _, link = polled(configured(tmp_path), HandClock())
    store.save_entry(STOP, "b", "", stop_as_object(link, TRAFFIC))
    return store


def test_a_stop_outlives_the_process(tmp_path: Path, store_with_stop: Store) -> None:
    store_with_stop.close()
    clock = HandClock()
    store = Store(tmp_path, clock)
    made, link = polled(configured(tmp_path), clock)
    apply_stops(store.entries(STOP), made, clock)
    assert link.foreign is not None
    assert (link.foreign.requests, link.foreign.responses) == (TRAFFIC.requests, TRAFFIC.responses)
    assert link.foreign.since_ms == TRAFFIC.since_ms
    assert link.foreign.heard_s == clock.monotonic_ns() / 1e9, "the quiet time starts again"
    store.close()


def test_commands_respect_a_stop_while_the_agent_runs(tmp_path: Path, store_with_stop: Store) -> None:
    links = modbus_links(command_pollers(configured(tmp_path)))
    assert links["b"].foreign is not None
    other_line = modbus_links(command_pollers(configured(tmp_path, "/dev/ttyS8")))
    assert other_line["b"].foreign is None, "the stop is one of another line"
    store_with_stop.close()


def test_without_a_state_file_commands_know_no_stop(tmp_path: Path) -> None:
    assert modbus_links(command_pollers(configured(tmp_path)))["b"].foreign is None


def test_no_other_master_can_be_received_on_modbus_tcp(tmp_path: Path) -> None:
    clock = HandClock()
    assert not modbus_links(pollers(configured(tmp_path, "127.0.0.1:502"), clock, lambda reading: None))
    assert modbus_links(pollers(configured(tmp_path, "127.0.0.1:502", framing="rtu"), clock, lambda reading: None))


def test_the_default_times_exceed_the_periods_of_usual_masters(tmp_path: Path) -> None:
    """A PLC polls every 10 s or more often; a reader of demands every 15 min."""
    _, link = polled(configured(tmp_path), HandClock())
    assert link.wire.listen_s >= 10
    assert link.wire.quiet_s > 15 * 60
