"""Which register holds which metric: `registers.csv` assigns them; lines are added at its end and never changed.

A block of registers belongs to one motor. Its first HEAD_REGISTERS are its overview: identity, quality and age, then
the values that most systems want.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from agent.core.metrics import Metric, by_name
from agent.northbound.base.live_motors import bad_metrics, usable_number

HEAD_REGISTERS = 60
NAME_AT, NAME_REGISTERS = 60, 16  # the name of the motor, two bytes of UTF-8 in a register
UNKNOWN = 0xFF  # all bits set: NaN as a float, the largest number as an integer
FORMATS = {"u16": ">H", "u32": ">I", "f32": ">f", "f64": ">d", "text": ">32s"}


class Field(NamedTuple):
    """A field of the head that is no metric. offset: register in the block. kind: key of FORMATS."""

    offset: int
    kind: str
    name: str


FIELDS = (
    Field(0, "u16", "motor_number"),
    Field(1, "u16", "quality"),
    Field(2, "u16", "age_s"),
    Field(3, "u16", "alarm_priority"),
    Field(4, "u32", "quality_flags"),
    Field(6, "u16", "state"),
    Field(7, "u16", "alarms_unacknowledged"),
    Field(NAME_AT, "text", "name"),
)


class Register(NamedTuple):
    """Where a metric is in the block of a motor. offset: its first register. kind: f32 | f64. message: its type."""

    offset: int
    kind: str
    message: str
    metric: str

    @property
    def size(self) -> int:
        """Number of registers."""
        return struct.calcsize(FORMATS[self.kind]) // 2

    @property
    def row(self) -> Metric:
        """The row of the metrics table; that of the estimate for its uncertainty."""
        table = by_name(self.message)
        return table[self.metric] if self.metric in table else table[self.metric.removesuffix("_u")]

    @property
    def is_uncertainty(self) -> bool:
        return self.metric not in by_name(self.message)


@cache
def registers() -> tuple[Register, ...]:
    """All registers, in the order of the file."""
    text = files("agent.northbound.modbus").joinpath("registers.csv").read_text(encoding="utf-8")
    rows = (line.split(",") for line in text.splitlines()[1:])
    return tuple(Register(int(offset), kind, message, metric) for offset, kind, message, metric in rows)


@cache
def block_registers() -> int:
    """Registers of a block."""
    return max(register.offset + register.size for register in registers())


class _Place(NamedTuple):
    byte: int
    pack: struct.Struct


@cache
def _places(message: str) -> dict[str, _Place]:
    return {
        item.metric: _Place(2 * item.offset, struct.Struct(FORMATS[item.kind]))
        for item in registers() if item.message == message
    }  # fmt: skip


def encode_values(block: bytearray, kind: str, message: Mapping[str, Any]) -> None:
    """Writes the usable values of a message into a block; others keep their bytes."""
    if not isinstance(message.get("v"), dict):
        return
    places, bad = _places(kind), bad_metrics(message)
    for metric in message["v"]:
        place = places.get(metric)
        if place is None or (number := usable_number(message, metric, bad)) is None:
            continue
        try:
            encoded = place.pack.pack(number)
        except OverflowError:  # beyond float32; `pack_into` would leave zeros
            continue
        block[place.byte : place.byte + len(encoded)] = encoded
