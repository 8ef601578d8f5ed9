"""The tables [signal.*] of the configuration: a register, or a topic of a broker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.config import keys
from agent.config import reasons as codes
from agent.config.schema import ConfigReport, KeySpec, anything

FRESH_S = 2.0  # an older torque or speed does not belong to the power that is measured now
FRESH = ("shaft-torque", "shaft-speed")


def signal_keys(table: Any) -> Mapping[str, KeySpec]:
    """The allowed keys of this table: those of a register or of a topic.

    A table with a topic may also have the keys of a register, so that `SignalReader` can report them.
    """
    if isinstance(table, dict) and "topic" not in table and keys.SIGNAL_REGISTER.keys() & table.keys():
        return keys.SIGNAL | keys.SIGNAL_REGISTER
    return keys.SIGNAL | {name: KeySpec(anything, None) for name in keys.SIGNAL_REGISTER} | keys.SIGNAL_TOPIC


class SignalReader:
    """Checks one table after `read_table` has converted its values.

    folder: of the configuration file, to which its paths are relative.
    root: topic below which this agent publishes.
    broker: whether there is an [mqtt] table.
    """

    def __init__(self, folder: Path, root: str, broker: bool) -> None:
        self._folder, self._root, self._broker = folder, root, broker

    def __call__(self, name: str, values: dict[str, Any], report: ConfigReport) -> dict[str, Any] | None:
        """The values with paths instead of file names; `topic` is None for a register. None if there is a problem."""
        where, before = f"signal.{name}", len(report.problems)
        if values["low"] > values["high"]:
            report.problem(f"{where}.low", codes.LIMITS_REVERSED(high=values["high"]), values["low"])
        if (stated := values["calibration"]) is not None and stated["after"] <= stated["before"]:
            report.problem(f"{where}.calibration", codes.CALIBRATION_ORDER())
        if "topic" not in values:
            return values | {"topic": None} if len(report.problems) == before else None
        if register := [key for key in keys.SIGNAL_REGISTER if values[key] is not None]:
            report.problem(where, codes.TOPIC_AND_REGISTER(keys=tuple(register)))
        topic = values["topic"]
        if topic == self._root or topic.startswith(f"{self._root}/"):
            report.problem(f"{where}.topic", codes.OWN_TOPIC(), topic)
        if values["time"] is not None and values["value"] is None:
            report.problem(f"{where}.time", codes.TIME_WITHOUT_VALUE(), values["time"])
        if values["measures"] in FRESH and values["expected_interval"] > FRESH_S:
            report.problem(
                f"{where}.expected_interval", codes.SIGNAL_TOO_SLOW(measures=values["measures"], longest_s=FRESH_S)
            )
        self._check_broker(where, values, report)
        return values if len(report.problems) == before else None

    def _check_broker(self, where: str, values: dict[str, Any], report: ConfigReport) -> None:
        if values["broker"] is None:
            if login := [key for key in ("user", "password_file", "ca") if values[key] is not None]:
                report.problem(f"{where}.{login[0]}", codes.LOGIN_WITHOUT_BROKER())
            if not self._broker:
                report.problem(f"{where}.topic", codes.SIGNAL_WITHOUT_BROKER())
            return
        if values["password_file"] and not values["user"]:
            report.problem(f"{where}.password_file", codes.PASSWORD_WITHOUT_USER())
        keys.resolve_files(values, self._folder, values["broker"][0], where, report)
