"""The saving of now after a start, before the first message arrives: from the state file, or why it is not known."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.basics import within
from support.dialects import configured
from support.page import RUNNING, FedFollower, running_page

from agent.config.model import Config
from agent.config.topology import assets
from agent.core.clock import SystemClock
from agent.core.messages import Message
from agent.core.text import Catalogue
from agent.delivery.followed_messages import FollowedMessage
from agent.delivery.store import Store
from agent.savings.reasons import BASELINE_CHANGED
from agent.savings.records.repository import FROZEN, save_message
from agent.web.base.context import Web
from agent.web.base.last_savings import LastSavings
from agent.web.base.motors import find
from agent.web.base.state_file import StateFileError
from agent.web.motor.motor import MotorDetail, detail_of
from agent.web.savings.stored_savings import read_last_savings

VALUES = {"interval_saved_wh": 2500.0, "interval_adjusted_baseline_wh": 10_000.0, "savings_verdict": "proven",
          "saved_energy_wh": 5e6}  # fmt: skip
U = {"interval_saved_wh": 400.0, "saved_energy_wh": 3e5}
MOTOR = "pump-1"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return replace(configured(tmp_path, "mqtt://127.0.0.1:1"), state_dir=tmp_path / "state")


def write(config: Config, age_s: float | None = None, *, frozen: bool = True) -> None:
    """The state file of an agent. age_s: of its last message of the savings; None: it has made none."""
    assert config.state_dir is not None
    store = Store(config.state_dir, SystemClock())
    if frozen:
        store.save_entry(FROZEN, MOTOR, "", {})
    if age_s is not None:
        save_message(store, MOTOR, Message(MOTOR, "savings", now_ms() - round(1000 * age_s), VALUES, U))
    store.close()


def shown(config: Config, **received: dict[str, object]) -> MotorDetail:
    """received: kind → message, in addition to the telemetry."""
    web = Web(FedFollower(), config, assets=assets(config))  # type: ignore[arg-type]
    try:
        web.last_savings = read_last_savings(web)
    except StateFileError:
        assert web.last_savings == LastSavings()
    messages = {"telemetry": {"t": now_ms(), "v": RUNNING}, **received}
    topic = f"{config.site.root}/{MOTOR}"
    web.follower.seen[topic] = FollowedMessage(
        config.site.root, MOTOR, messages, dict.fromkeys(messages, time.monotonic())
    )
    entry = find(web, MOTOR)
    assert entry is not None
    return detail_of(web, entry, Catalogue("en"))


def test_the_last_interval_comes_from_the_state_file(config: Config) -> None:
    write(config, 1200)
    found = shown(config)
    assert (found.saved_w.v, found.saved_w.u) == (10_000.0, 1600.0)
    so_far = found.saved_so_far
    assert (so_far.energy_kwh.v, so_far.energy_kwh.u, so_far.verdict) == (5000.0, 300.0, Catalogue("en")("proven"))
    assert (so_far.old_plant_w.v, so_far.share_pct.v) == (40_000.0, 25.0)


def test_a_message_that_was_received_counts_more(config: Config) -> None:
    write(config, 1200)
    newer = {"t": now_ms(), "v": VALUES | {"interval_saved_wh": 1000.0}}
    assert shown(config, savings=newer).saved_w.v == 4000.0


@pytest.mark.parametrize(
    ("age_s", "frozen", "code"),
    [(1860, True, "value_saving_not_yet"), (None, True, "value_saving_not_yet"), (None, False, "value_no_baseline")],
)
def test_a_saving_that_is_not_stored_says_why(config: Config, age_s: float | None, frozen: bool, code: str) -> None:
    write(config, age_s, frozen=frozen)
    found = shown(config)
    for value in (found.saved_w, found.saved_so_far.energy_kwh, found.saved_so_far.old_plant_w):
        assert value.v is None
        assert value.why is not None
        assert value.why.code == code
        assert len(value.why.text.split()) <= 3


def test_without_a_state_file_nothing_is_said_of_a_baseline(config: Config) -> None:
    why = shown(config).saved_w.why
    assert why is not None
    assert why.code == "value_saving_not_known_yet"


def test_a_saving_that_could_not_be_computed_says_why(config: Config) -> None:
    write(config)
    problem = {
        "t": now_ms(),
        "v": {"interval_saved_wh": None},
        "r": {"savings_caveats": [BASELINE_CHANGED().as_object()]},
    }
    why = shown(config, savings=problem).saved_w.why
    assert why is not None
    assert why.code == "baseline_changed"


def test_the_page_reads_the_state_file_at_its_start(config: Config) -> None:
    write(config, 600)
    with running_page(config) as page:
        topic = f"{config.site.root}/{MOTOR}"
        within(lambda: topic in page.web.last_savings.messages, 5, "the last saving is known")
        assert page.web.last_savings.baselines[topic]
