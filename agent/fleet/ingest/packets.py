"""MQTT 5 packets as a subscriber receives them, split from the data of a socket (MQTT 5.0, 2.1 and 3.3).

paho reads a packet with four system calls and builds an object of its properties: 30 µs of processor time a message.
"""

from __future__ import annotations

from collections.abc import Iterable

PUBLISH, SUBACK = 0x30, 0x90
FAILURE = 0x80  # and larger reason codes
PINGREQ = b"\xc0\x00"
_LENGTH_BYTES = 4
Publication = tuple[bytes, bytes, int]  # topic, payload, packet identifier; 0: without acknowledgement


def split(data: bytes) -> tuple[list[Publication], list[bytes], int]:
    """Messages, other packets, and the length of all complete packets. Raises ValueError if it is not MQTT."""
    messages, others, at, size = list[Publication](), list[bytes](), 0, len(data)
    while size - at >= 2:
        kind, length, begin = data[at], data[at + 1], at + 2
        if length & 0x80:
            found = _number(data, at + 1)
            if found is None:
                break
            length, begin = found
        end = begin + length
        if end > size:
            break
        if kind & 0xF0 == PUBLISH:
            messages.append(_publication(data, kind, begin, end))
        else:
            others.append(data[at:end])
        at = end
    return messages, others, at


def acknowledgements(identifiers: Iterable[int]) -> bytes:
    """A PUBACK for each packet identifier."""
    return b"".join([b"\x40\x02" + number.to_bytes(2, "big") for number in identifiers])


def _publication(data: bytes, kind: int, begin: int, end: int) -> Publication:
    topic_end = begin + 2 + (data[begin] << 8 | data[begin + 1])
    identifier, at = 0, topic_end
    if kind & 0x06:
        identifier, at = data[at] << 8 | data[at + 1], at + 2
    properties, at = data[at], at + 1
    if properties & 0x80:
        found = _number(data, at - 1)
        if found is None:
            raise ValueError("incomplete properties")
        properties, at = found
    if at + properties > end:
        raise ValueError("properties longer than their packet")
    return data[begin + 2 : topic_end], data[at + properties : end], identifier


def _number(data: bytes, at: int) -> tuple[int, int] | None:
    """A variable byte integer and where it ends; None: its end is not there. Raises ValueError."""
    value = 0
    for n, byte in enumerate(data[at : at + _LENGTH_BYTES]):
        value |= (byte & 0x7F) << 7 * n
        if not byte & 0x80:
            return value, at + n + 1
    if len(data) - at >= _LENGTH_BYTES:
        raise ValueError("not a length")
    return None
