"""The registers of one motor as bytes."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Mapping
from typing import Any

from agent.delivery.followed_messages import FollowedMessage, MessageFollower
from agent.northbound.base.live_motors import AGE_S_MAX, VALUE_KINDS, alarm_summary, flags_of, freshness
from agent.northbound.modbus.register_table import (
    NAME_AT,
    NAME_REGISTERS,
    UNKNOWN,
    block_registers,
    encode_values,
)
from drivers.reading import Quality

HEAD = struct.Struct(">HHHHIHH")
U16_UNKNOWN = 0xFFFF
QUALITIES = {"good": 0, "uncertain": 1, "bad": 2}
STATES = {"online": 0, "stale": 1, "offline": 2, "maintenance": 3}


class MotorBlock:
    """number: of the motor. topic: of its messages.

    `on_message` is called in the thread of the follower, `registers` in that of the server: a row is replaced as a
    whole, so that no response contains values of two.
    """

    def __init__(self, number: int, topic: str, follower: MessageFollower) -> None:
        self.number, self.topic = number, topic
        self._follower = follower
        self._values, self._until_s = _unknown(self._name()), math.inf

    def on_message(self) -> None:
        """Takes the newest messages."""
        self._values, self._until_s = self._composed(time.monotonic())

    def registers(self) -> bytes:
        """All registers of the block, with the age and quality of this moment."""
        now_s = time.monotonic()
        if now_s > self._until_s:
            self._values, self._until_s = self._composed(now_s)
        return self._head(now_s) + self._values[HEAD.size :]

    def is_present(self) -> bool:
        """Whether its values are of the present."""
        return not freshness(self._follower, self._follower.seen.get(self.topic)).stale

    def _composed(self, now_s: float) -> tuple[bytes, float]:
        """The block without its head, and until when it holds."""
        block, until_s = bytearray(_unknown(self._name())), math.inf
        if (followed := self._follower.seen.get(self.topic)) is not None:
            for kind in VALUE_KINDS:
                message, received_s = followed.messages.get(kind), followed.received_s.get(kind, -math.inf)
                if message is not None and now_s <= (end_s := received_s + AGE_S_MAX[kind]):
                    encode_values(block, kind, message)
                    until_s = min(until_s, end_s)
        return bytes(block), until_s

    def _head(self, now_s: float) -> bytes:
        followed = self._follower.seen.get(self.topic)
        fresh = freshness(self._follower, followed, now_s)
        telemetry = _message(followed, "telemetry")
        quality, flags = QUALITIES.get(str(telemetry.get("q")), 2), _flags(telemetry)
        if fresh.stale:
            quality, flags = QUALITIES["bad"], flags | Quality.STALE
        age_s = U16_UNKNOWN if fresh.age_s is None else min(int(fresh.age_s), U16_UNKNOWN - 1)
        level, open_alarms = alarm_summary(self._follower.alarms.get(self.topic, {}))
        state = STATES.get(str(_message(followed, "state").get("state")), U16_UNKNOWN)
        return HEAD.pack(self.number, quality, age_s, level, flags, state, open_alarms)

    def _name(self) -> str:
        """The name that operators read, else that in the topic."""
        name = _message(self._follower.seen.get(self.topic), "meta").get("name")
        return name if isinstance(name, str) and name else self.topic.rpartition("/")[2]


def _message(followed: FollowedMessage | None, kind: str) -> Mapping[str, Any]:
    return followed.messages.get(kind, {}) if followed else {}


def _flags(message: Mapping[str, Any]) -> int:
    """The flags of all values, as bits of `Quality`; those of a later version are left out."""
    bits = 0
    for names in flags_of(message).values():
        for name in names:
            bits |= Quality.__members__.get(name, 0)
    return bits


def _unknown(name: str) -> bytes:
    """A block without values."""
    block = bytearray([UNKNOWN]) * (2 * block_registers())
    size = 2 * NAME_REGISTERS
    text = name.encode()[:size].decode("utf-8", "ignore").encode()  # no part of a character at its end
    block[2 * NAME_AT : 2 * NAME_AT + size] = text.ljust(size, b"\0")
    return bytes(block)
