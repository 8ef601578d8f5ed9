"""The configuration view: what is configured and in force, and that no secret ever leaves."""

from __future__ import annotations

import os
import string
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import config_text

from agent.acquisition.poll_plan import plan
from agent.config.loader import load_config
from agent.config.model import Config
from agent.core.text import Catalogue
from agent.delivery.followed_messages import MessageFollower
from agent.web.base.context import Web
from agent.web.gateway.configuration import answer, load

TEXTS, CHINESE = Catalogue("en"), Catalogue("zh_CN")


def site_text(mqtt: str = "", more: str = "") -> str:
    return "\n".join([
        config_text.site(), config_text.bus(), config_text.meter(ct="400/5"), config_text.motor(),
        config_text.table("store", state_dir="state"), mqtt, more,
    ])  # fmt: skip


def web_of(config: Config, in_force: str | None = None) -> Web:
    follower = MessageFollower()
    info = {"s": "magwatt.info/1", "config": in_force}
    follower.gateway_messages = {config.site.root: {"info": info}} if in_force else {}
    return Web(follower, config)


def shown(config: Config, in_force: str | None = None) -> dict[str, Any]:
    return answer(web_of(config, in_force), load(config, None), TEXTS)


def values(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["label"]: row["value"] for row in rows}


# The first characters are in no text of the page; a part of a key, such as "password_f", would be in it.
SECRETS = st.text(string.ascii_letters + string.digits + "-_.", min_size=10, max_size=24).map("Zq0".__add__)


@settings(max_examples=5, deadline=None)
@given(password=SECRETS, key=SECRETS, signal=SECRETS, name=SECRETS)
def test_no_secret_leaves(password: str, key: str, signal: str, name: str) -> None:
    """Neither the content of secret files nor their names, in a file that is valid and after a change with errors."""
    with tempfile.TemporaryDirectory() as folder:
        config = with_secrets(Path(folder), password, key, signal, f"file-{name}")
        before = load(config, None)
        path = config.path
        for wrong in (
            f'[mqtt]\nurl = "mqtt://admin:{password}@broker"\n', f'[mqtt]\nurl = "mqtt://b"\npassword = "{password}"\n',
            f'[mqtt]\nurl = "mqtt://b"\npassword = {password} x\n', f'[mqtt]\nurl = "mqtt://b"\ntoken = ["{key}"\n',
            f'[mqtt]\nurl = "mqtts://b"\nkey = "{key}"\npassword_file = 5\n', f'[secrets]\npassword = "{password}"\n',
        ):  # fmt: skip
            path.write_text(site_text(wrong), encoding="utf-8")
            changed = load(config, before)
            assert changed.problems
            body = msgspec.json.encode(answer(web_of(config), changed, TEXTS)).decode()
            assert not [secret for secret in (password, key, signal, f"file-{name}") if secret in body], wrong


def with_secrets(folder: Path, password: str, key: str, signal: str, name: str) -> Config:
    """A valid configuration with secret files; nothing of them is in the response."""
    secret = os.open(folder / name, os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(secret, password.encode())
    os.close(secret)
    for file, content in ((f"{name}.key", key), (f"{name}.signal", signal), (f"{name}.crt", "-")):
        (folder / file).write_text(content, encoding="utf-8")
        (folder / file).chmod(0o600)
    mqtt = config_text.table(
        "mqtt", url="mqtts://broker:8883", user="agent", password_file=name, cert=f"{name}.crt", key=f"{name}.key"
    )
    topic = config_text.table(
        "signal.flow",
        topic="plant/flow",
        unit_of_measure="m3/h",
        motor="p1",
        broker="mqtt://other:1883",
        user="reader",
        password_file=f"{name}.signal",
    )
    config = config_text.load(folder, site_text(mqtt, topic))
    found = shown(config)
    body = msgspec.json.encode(found).decode()
    assert not [text for text in (password, key, signal, name) if text in body]
    masked = [row["label"] for table in (*found["tables"], *found["signals"]) for row in table["rows"] if row["secret"]]
    assert masked == [TEXTS("password"), TEXTS("client key"), TEXTS("password")]
    return config


def test_a_missing_secret_file_is_said_without_its_name(tmp_path: Path) -> None:
    mqtt = config_text.table("mqtt", url="mqtt://broker", user="agent", password_file="hidden-place")
    found = shown(config_text.load(tmp_path, site_text(mqtt)))
    (note,) = (item for item in found["notes"] if "password_file" in item["place"])
    assert note["text"]
    assert b"hidden-place" not in msgspec.json.encode(found)


def test_the_load_of_a_bus_is_that_of_plan(tmp_path: Path) -> None:
    config = config_text.load(tmp_path, site_text())
    (bus,), (planned,) = shown(config)["buses"], plan(config)
    assert bus["plan"]["utilization_pct"] == pytest.approx(100 * planned.utilization, abs=0.05)
    assert bus["plan"]["requests"] == len(planned.blocks)
    assert [device["name"] for device in bus["devices"]] == ["m1"]
    assert values(bus["devices"][0]["rows"])[TEXTS("current transformers")] == "400/5 A"


def test_a_changed_file_with_errors_shows_what_is_in_force(tmp_path: Path) -> None:
    config = config_text.load(tmp_path, site_text())
    before = load(config, None)
    assert answer(web_of(config, config.hash), before, TEXTS)["force"]["state"] == "same"
    config.path.write_text(site_text().replace("kw = 55", 'kw = "many"'), encoding="utf-8")
    after = load(config, before)
    found = answer(web_of(config, config.hash), after, TEXTS)
    assert found["force"]["state"] == "invalid"
    assert "motor.p1.kw" in found["problems"][0]["place"]
    assert values(found["motors"][0]["rows"])[TEXTS("rated power")] == "55 kW"


def test_a_valid_change_that_the_agent_has_not_applied_is_said(tmp_path: Path) -> None:
    config = config_text.load(tmp_path, site_text())
    used = config.hash
    config.path.write_text(site_text().replace("kw = 55", "kw = 45"), encoding="utf-8")
    loaded = load(config, None)
    found = answer(web_of(config, used), loaded, TEXTS)
    assert (found["force"]["state"], found["force"]["hash"]) == ("differs", used)
    assert found["file"]["hash"] == load_config(config.path)[0].hash
    assert values(found["motors"][0]["rows"])[TEXTS("rated power")] == "45 kW"
    assert answer(web_of(config, found["file"]["hash"]), loaded, TEXTS)["force"]["state"] == "same"
    assert answer(web_of(config), loaded, TEXTS)["force"]["state"] == "unknown"


def test_a_file_is_read_again_only_after_a_change(tmp_path: Path) -> None:
    config = config_text.load(tmp_path, site_text())
    first = load(config, None)
    assert load(config, first) is first
    config.path.unlink()
    gone = load(config, first)
    assert gone.problems
    assert gone.modified_ms is None
    assert gone.config == first.config


def test_prices_with_their_times(tmp_path: Path) -> None:
    text = site_text(more=config_text.day_tariff())
    config = config_text.load(tmp_path, text.replace('gateway = "gw-07"', 'gateway = "gw-07"\ncurrency = "CNY"'))
    found = shown(config)
    assert {item["name"]: (item["price"], item["when"]) for item in found["tariff"]["prices"]} == {
        "peak": ("1.05", ["17:00–23:00"]), "flat": ("0.68", ["07:00–17:00"]),
        "valley": ("0.34", ["23:00–07:00"]),
    }  # fmt: skip
    chinese = answer(web_of(config), load(config, None), CHINESE)["tariff"]
    assert [item["name"] for item in chinese["prices"]] == [CHINESE("peak"), CHINESE("flat"), CHINESE("valley")]
    assert values(chinese["rows"])[CHINESE("currency")] == CHINESE("CNY")
