"""The tables [signal.*] of the configuration: a register, or a topic of a broker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent import config_keys as keys
from agent.schema import Key, Report, anything

FRESH_S = 2.0  # a torque or speed that is older says nothing about the power beside it
FRESH = ("shaft-torque", "shaft-speed")


def signal_keys(table: Mapping[str, Any]) -> Mapping[str, Key]:
    """What may stand in this table, by what it says of its source; with both, so that it can be told."""
    if "topic" not in table and keys.SIGNAL_REGISTER.keys() & table.keys():
        return keys.SIGNAL | keys.SIGNAL_REGISTER
    return keys.SIGNAL | {name: Key(anything, None) for name in keys.SIGNAL_REGISTER} | keys.SIGNAL_TOPIC


class SignalReader:
    """Judges one table after its keys were read. folder: of the configuration, for paths in it. root: the topic under
    which this agent publishes. broker: whether there is an [mqtt] table."""

    def __init__(self, folder: Path, root: str, broker: bool) -> None:
        self._folder, self._root, self._broker = folder, root, broker

    def __call__(self, name: str, values: dict[str, Any], report: Report) -> dict[str, Any] | None:
        """The same values with paths in the place of their texts; `topic` is None for a register."""
        where, before = f"signal.{name}", len(report.problems)
        if values["low"] > values["high"]:
            report.problem(f"{where}.low", f"is above high ({values['high']:g}): no value would ever do", values["low"])
        if "topic" not in values:
            return values | {"topic": None} if len(report.problems) == before else None
        if register := [key for key in keys.SIGNAL_REGISTER if values[key] is not None]:
            report.problem(where, f"names a topic and a register ({', '.join(register)}): leave one of them out")
        topic = values["topic"]
        if topic == self._root or topic.startswith(f"{self._root}/"):
            report.problem(f"{where}.topic", "is the agent's own: it would read what it says itself", topic)
        if values["time"] is not None and values["value"] is None:
            report.problem(f"{where}.time", "needs value: beside a bare number there is no other field", values["time"])
        if values["measures"] in FRESH and values["expected_interval"] > FRESH_S:
            report.problem(
                f"{where}.expected_interval",
                f"{values['measures']} must come every {FRESH_S:g} s at least, to belong to the power beside it; "
                'write for example expected_interval = "1s"',
            )
        self._judge_broker(where, values, report)
        return values if len(report.problems) == before else None

    def _judge_broker(self, where: str, values: dict[str, Any], report: Report) -> None:
        if values["broker"] is None:
            if login := [key for key in ("user", "password_file", "ca") if values[key] is not None]:
                report.problem(f"{where}.{login[0]}", "goes with broker; without one the signal comes as [mqtt] says")
            if not self._broker:
                report.problem(f"{where}.topic", "comes from no broker: write an [mqtt] table, or broker = "
                               '"mqtt://host:1883" here')  # fmt: skip
            return
        if values["password_file"] and not values["user"]:
            report.problem(f"{where}.password_file", "needs user beside it")
        if values["ca"] and not values["broker"][0]:
            report.finding(f"{where}.ca", "is not used: the broker is mqtt://; did you mean mqtts://?", values["ca"])
        for key in ("password_file", "ca"):
            text, values[key] = values[key], self._folder / values[key] if values[key] else None
            if values[key] is not None and not values[key].is_file():
                report.finding(f"{where}.{key}", f"no such file ({values[key]})", text)
            elif values[key] is not None and key == "password_file" and (trouble := keys.open_to_others(values[key])):
                report.finding(f"{where}.{key}", trouble, text)
