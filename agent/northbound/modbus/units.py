"""What a client reads under which unit: an overview of all motors, and the complete block of each."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from agent.delivery.followed_messages import REMOVED, FollowedMessage, MessageFollower
from agent.northbound.modbus.motor_block import MotorBlock
from agent.northbound.modbus.motor_numbers import MotorNumbers
from agent.northbound.modbus.register_table import HEAD_REGISTERS, UNKNOWN, block_registers
from agent.northbound.modbus.responses import ILLEGAL_ADDRESS, NO_UNIT
from drivers.reasons import InvalidValue, Reason

OVERVIEW_UNITS = frozenset((0, 1, 255))  # 0 and 255: clients that name no unit
COMPLETE_UNITS = 100  # the complete block of motor n is unit 100 + n
UNIT_MAX = 247
MAP_VERSION = 1
_GATEWAY = struct.Struct(">HHHH")  # version of the map, motors, those with values of the present, contact (0 or 1)


class Units:
    """The blocks of all motors. numbers: which are saved when a motor is added.

    `on_message` is called in the thread of the follower, `read` in that of the server.
    problem: why a motor has no block; None: each has one.
    """

    def __init__(self, numbers: MotorNumbers, follower: MessageFollower) -> None:
        self._numbers, self._follower = numbers, follower
        self.problem: Reason | None = None
        self._blocks = [MotorBlock(number, topic, follower) for number, topic in numbers]
        self._by_topic = {block.topic: block for block in self._blocks}

    def add(self, topics: Iterable[str]) -> None:
        """Gives motors their registers. Raises InvalidValue if their numbers cannot be stored."""
        before = len(self._numbers.topics)
        self.problem = self._numbers.add(topics)
        if len(self._numbers.topics) == before:
            return
        try:
            self._numbers.save()
        except InvalidValue:
            del self._numbers.topics[before:]
            raise
        for number, topic in list(self._numbers)[before:]:
            block = MotorBlock(number, topic, self._follower)
            self._by_topic[topic] = block
            self._blocks.append(block)

    def on_message(self, followed: FollowedMessage, kind: str) -> None:
        topic = f"{followed.gateway}/{followed.asset}"
        if topic not in self._by_topic and kind == "telemetry":
            try:
                self.add((topic,))
            except InvalidValue as error:
                self.problem = error.reason
        block = self._by_topic.get(topic)
        if block is not None and kind in ("telemetry", "pq3s", "savings", "meta", REMOVED):
            block.on_message()

    def read(self, unit: int, address: int, count: int) -> bytes | int:
        """The bytes of registers, or an exception code."""
        if unit in OVERVIEW_UNITS:
            return self._overview(address, count)
        number = unit - COMPLETE_UNITS
        if not (1 <= number <= len(self._blocks) and unit <= UNIT_MAX):
            return NO_UNIT
        if address + count > block_registers():
            return ILLEGAL_ADDRESS
        return self._blocks[number - 1].registers()[2 * address : 2 * (address + count)]

    def _overview(self, address: int, count: int) -> bytes | int:
        """The heads of the blocks one after the other; that of number 0 is of the gateway."""
        first, last = address // HEAD_REGISTERS, (address + count - 1) // HEAD_REGISTERS
        if last > len(self._blocks):
            return ILLEGAL_ADDRESS
        heads = [
            self._blocks[number - 1].registers()[: 2 * HEAD_REGISTERS] if number else self._gateway()
            for number in range(first, last + 1)
        ]
        start = 2 * (address - first * HEAD_REGISTERS)
        return b"".join(heads)[start : start + 2 * count]

    def _gateway(self) -> bytes:
        present = sum(block.is_present() for block in self._blocks)
        contact = not self._follower.interrupted and "online" in list(self._follower.gateways.values())
        head = _GATEWAY.pack(MAP_VERSION, len(self._blocks), present, contact)
        return head.ljust(2 * HEAD_REGISTERS, bytes([UNKNOWN]))
