"""Configurations for tests, table by table: keys that a test does not set have simple valid values.

Further keys follow those of the function; None omits a key. A trailing underscore is not part of a key (class_).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.config.loader import ConfigError, load_config
from agent.config.model import Config
from agent.config.schema import ConfigReport, Diagnostic


def table(head: str, **keys: object) -> str:
    """[head] and its keys, one per line, in their order."""
    lines = [f"{name.rstrip('_')} = {_toml(value)}" for name, value in keys.items() if value is not None]
    return "\n".join([f"[{head}]", *lines, ""])


def site(id: str = "mill-2", gateway: str = "gw-07", **more: object) -> str:
    return table("site", id=id, gateway=gateway, **more)


def bus(name: str = "b", tcp: str | None = "127.0.0.1:502", **more: object) -> str:
    return table(f"bus.{name}", tcp=tcp, **more)


def meter(
    name: str = "m1", unit_id: int = 1, profile: str = "schneider/pm5000", measuring_point: str = "motor", *,
    bus: str = "b", class_: str = "0.5", **more: object,
) -> str:  # fmt: skip
    return table(
        f"meter.{name}",
        bus=bus,
        unit_id=unit_id,
        profile=profile,
        measuring_point=measuring_point,
        class_=class_,
        **more,
    )


def at_input(name: str = "m1", unit_id: int = 1, **more: object) -> str:
    """A meter at the input of a drive."""
    return meter(name, unit_id, measuring_point="drive-input", **more)


def drive(
    name: str, fed_by: str | None, unit_id: int = 2, profile: str = "yaskawa/ga800", *, bus: str = "b",
    comm_loss: str | None = "not used", **more: object,
) -> str:  # fmt: skip
    return table(f"drive.{name}", bus=bus, unit_id=unit_id, profile=profile, fed_by=fed_by, comm_loss=comm_loss, **more)


def motor(
    name: str = "p1", fed_by: str = "m1", kind: str = "induction", *, kw: float = 55, rpm: float = 1475, poles: int = 4,
    volts: float = 400, **more: object,
) -> str:  # fmt: skip
    return table(f"motor.{name}", kind=kind, kw=kw, rpm=rpm, poles=poles, volts=volts, **more, fed_by=fed_by)


def magnet(name: str, fed_by: str, **more: object) -> str:
    """A permanent-magnet motor of 55 kW for a drive."""
    return motor(name, fed_by, "pm", rpm=1500, poles=8, volts=380, amps=98, **more)


def two_fans() -> str:
    """Two motors, each with a meter on a separate bus."""
    return "".join((
        site(), bus("south", "127.0.0.1:5020"), bus("north", "127.0.0.1:5021"),
        meter("m-1", profile="eastron/sdm630", bus="south"), meter("m-2", profile="eastron/sdm630", bus="north"),
        motor("fan-1", "m-1", kw=30, class_="IE3"), motor("fan-2", "m-2", kw=30, class_="IE3"),
    ))  # fmt: skip


def day_tariff(**more: object) -> str:
    """Valley, flat and peak periods over 24 hours."""
    day = (("valley", "23:00", "07:00"), ("flat", "07:00", "17:00"), ("peak", "17:00", "23:00"))
    periods = (table("[tariff.period]", price=price, from_=begin, to=end) for price, begin, end in day)
    return table("tariff", prices={"peak": 1.05, "flat": 0.68, "valley": 0.34}, **more) + "".join(periods)


def load(folder: Path, text: str) -> Config:
    """The configuration `text`, stored as plant.toml in the folder."""
    return load_all(folder, text)[0]


def load_all(folder: Path, text: str) -> tuple[Config, ConfigReport]:
    """The configuration and its report."""
    (folder / "plant.toml").write_text(text, encoding="utf-8")
    return load_config(folder / "plant.toml")


def problems(folder: Path, text: str) -> list[Diagnostic]:
    """The problems of a rejected configuration."""
    with pytest.raises(ConfigError) as rejected:
        load_all(folder, text)
    return rejected.value.problems


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)  # strings, numbers, booleans and flat lists are the same in TOML
