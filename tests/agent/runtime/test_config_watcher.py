"""Reload of the configuration: reported changes, keys that need a restart, rejected files."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from support.basics import HandClock
from support.config_text import load, two_fans

from agent.config.model import Config
from agent.config.reasons import CONFIG_FILE_MISSING, SITE_MISSING
from agent.core.clock import SystemClock
from agent.core.messages import Message
from agent.runtime.config_watcher import (
    CONFIG_KEY_ADDED,
    CONFIG_KEY_CHANGED,
    CONFIG_PROBLEM,
    CONFIG_RESTART_NEEDED,
    CONFIG_TABLE_ADDED,
    CONFIG_TABLE_REMOVED,
    MORE_CONFIG_LINES,
    ConfigWatcher,
    difference,
    shortened,
    without_restart,
)
from drivers.file_reasons import DID_YOU_MEAN
from drivers.profiles import load_profile
from drivers.reading import Clock
from drivers.reasons import Code
from drivers.toml_reasons import TOML_KEY_CHARACTERS

PLANT = two_fans()
KW_CHANGED = CONFIG_KEY_CHANGED(key="motor.fan-1.kw", before="30", after="37")


def test_the_difference_is_reported_with_the_keys_of_the_file() -> None:
    old = {"site": {"id": "a"}, "bus": {"n": {"poll_interval": "1s"}, "s": {"tcp": "x"}}, "motor": {"m": {"kw": 1}}}
    new = {
        "site": {"id": "a"},
        "bus": {"n": {"poll_interval": "2s", "inter_request_delay": "1s"}},
        "motor": {"m": {"kw": 1, "losses": {"watts": [1]}}},
        "drive": {"d": {"unit_id": 1}, "e": {"unit_id": 2}},
    }
    assert difference(old, new) == [
        CONFIG_TABLE_REMOVED(table="bus.s"),
        CONFIG_KEY_CHANGED(key="bus.n.poll_interval", before="1s", after="2s"),
        CONFIG_KEY_ADDED(key="bus.n.inter_request_delay", value="1s"),
        CONFIG_TABLE_ADDED(table="motor.m.losses"),
        CONFIG_TABLE_ADDED(table="drive.d"),
        CONFIG_TABLE_ADDED(table="drive.e"),
    ]
    assert difference(old, old) == []


def test_identity_and_store_require_a_restart_and_the_rest_does_not(tmp_path: Path) -> None:
    old = load(tmp_path, PLANT)
    text = PLANT.replace('id = "mill-2"', 'id = "mill-3"').replace("kw = 30", "kw = 37", 1)
    new = load(tmp_path, text + '\n[store]\nstate_dir = "elsewhere"\n[mqtt]\nurl = "mqtt://127.0.0.1"\n')
    kept, waiting = without_restart(old, new)
    assert (kept.site.id, kept.state_dir, kept.mqtt) == ("mill-2", None, None), "there was no broker at the start"
    assert kept.motors["fan-1"].kw == 37
    assert waiting == [CONFIG_RESTART_NEEDED(key=key) for key in ("site.id", "[store]", "[mqtt]")]


class Scene:
    """A reloader on a file; what it applied and published."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.applied: list[Config] = []
        self.events: list[Message] = []
        self.file = folder / "plant.toml"
        self.reloader = ConfigWatcher(load(folder, PLANT), clock, self._apply, self.events.append)

    async def _apply(self, config: Config) -> None:
        self.applied.append(config)


def test_a_valid_file_is_applied_and_reported(tmp_path: Path, clock: HandClock) -> None:
    scene = Scene(tmp_path, clock)
    load(tmp_path, PLANT.replace("kw = 30", "kw = 37", 1))
    asyncio.run(scene.reloader.reload())
    assert [config.motors["fan-1"].kw for config in scene.applied] == [37]
    assert scene.events[0].values["event_kind"] == "config_changed"
    assert scene.events[0].reasons == {"event_text": [KW_CHANGED]}
    assert (scene.reloader.reloads, scene.reloader.rejected) == (1, 0)
    asyncio.run(scene.reloader.reload())
    assert len(scene.events) == 1, "the same once more is no change"


@pytest.mark.parametrize(
    ("text", "key", "code"),
    [
        (PLANT.replace("fed_by", "fedby", 1), "fedby", DID_YOU_MEAN),
        (PLANT + "[", "", TOML_KEY_CHARACTERS),
        ("", "site", SITE_MISSING),
        (None, "", CONFIG_FILE_MISSING),
    ],
)
def test_a_wrong_file_changes_nothing_and_every_problem_is_published(
    tmp_path: Path, clock: HandClock, text: str | None, key: str, code: Code
) -> None:
    scene = Scene(tmp_path, clock)
    before = scene.reloader.config
    if text is None:
        scene.file.unlink()
    else:
        scene.file.write_text(text, encoding="utf-8")
    asyncio.run(scene.reloader.reload())
    assert scene.applied == []
    assert scene.reloader.config is before
    assert scene.events[0].values["event_kind"] == "config_rejected"
    [reason, *_others] = scene.events[0].reasons["event_text"]
    assert (reason.code, reason.data["cause"].code) == (CONFIG_PROBLEM, code)
    assert reason.data["place"].startswith("plant.toml")
    assert key in reason.data["place"]
    load(tmp_path, PLANT.replace("kw = 30", "kw = 37", 1))
    asyncio.run(scene.reloader.reload())
    assert scene.events[1].reasons == {"event_text": [KW_CHANGED]}, "compared with what runs, not with the mistake"


def test_a_long_list_of_changes_is_cut_with_the_number_of_the_others() -> None:
    changes = [CONFIG_KEY_CHANGED(key=f"motor.m{n}.kw", before="1", after="2") for n in range(500)]
    found = shortened(changes)
    assert len("; ".join(map(str, found))) < 4000, "a text of 2000 characters and one more change"
    assert found[:-1] == changes[: len(found) - 1]
    assert found[-1] == MORE_CONFIG_LINES(n=500 - (len(found) - 1))
    assert shortened(changes[:3]) == changes[:3]


def test_user_profiles_stay_in_use_when_a_new_file_is_rejected(tmp_path: Path, clock: HandClock) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / "mine.toml").write_text('extends = "eastron/sdm630"\n[device]\nid = "own/mine"\n', encoding="utf-8")
    own = PLANT.replace("[bus.south]", 'profiles = "maps"\n[bus.south]').replace("eastron/sdm630", "own/mine", 1)
    scene = Scene(tmp_path, clock)
    load(tmp_path, own)
    asyncio.run(scene.reloader.reload())
    assert scene.applied[0].meters["m-1"].profile == "own/mine"
    scene.file.write_text(PLANT + "[", encoding="utf-8")
    asyncio.run(scene.reloader.reload())
    assert load_profile("own/mine").id == "own/mine"
    load(tmp_path, PLANT)


def test_a_changed_file_is_loaded_when_it_is_stable_and_on_a_signal_immediately(tmp_path: Path) -> None:
    """An editor that writes in two steps causes one reload, and no rejected one in between."""
    scene = Scene(tmp_path, SystemClock())
    marks = iter([1, 1, 2, 3, 3, 3, 3])
    looks = 0

    async def script() -> None:
        nonlocal looks
        task = asyncio.create_task(scene.reloader.run())
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if looks >= 6:
                break
        seen = len(scene.applied)
        scene.reloader.request()
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if len(scene.applied) > seen:
                break
        task.cancel()
        assert (seen, len(scene.applied)) == (1, 2)

    def look(_config: Config) -> int:
        nonlocal looks
        looks += 1
        return next(marks, 3)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.runtime.config_watcher.file_versions", look)
        patch.setattr("agent.runtime.config_watcher.CHECK_S", 0.02)
        asyncio.run(script())


def test_file_versions_change_with_the_file_and_its_profiles(tmp_path: Path) -> None:
    from agent.runtime.config_watcher import file_versions

    config = load(tmp_path, PLANT)
    before = file_versions(config)
    assert file_versions(config) == before
    (tmp_path / "new.toml").write_text(PLANT, encoding="utf-8")
    os.replace(tmp_path / "new.toml", tmp_path / "plant.toml")
    assert file_versions(config) != before, "a file put in its place"
    (tmp_path / "plant.toml").unlink()
    assert file_versions(config) != before
