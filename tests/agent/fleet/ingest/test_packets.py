"""Packets of a stream, as MQTT 5.0 defines them: any division into pieces gives the same messages."""

from __future__ import annotations

from random import Random

import pytest

from agent.fleet.ingest.packets import acknowledgements, split

SUBACK = bytes.fromhex("90 05 00 01 00 01 01")


def length(value: int) -> bytes:
    """MQTT 5.0, 1.5.5, the algorithm of the standard."""
    found = b""
    while True:
        value, digit = divmod(value, 128)
        found += bytes([digit | (0x80 if value else 0)])
        if not value:
            return found


def publish(topic: bytes, payload: bytes, identifier: int = 0, properties: bytes = b"", flags: int = 0) -> bytes:
    """MQTT 5.0, 3.3. identifier: 0: QoS 0, otherwise 1."""
    body = len(topic).to_bytes(2, "big") + topic + (identifier.to_bytes(2, "big") if identifier else b"")
    body += length(len(properties)) + properties + payload
    return bytes([0x30 | (2 if identifier else 0) | flags]) + length(len(body)) + body


STREAM = [
    (publish(b"a/b", b"{}", 1), (b"a/b", b"{}", 1)),
    (publish(b"a/b", b"x" * 200, 0xFFFE, flags=8), (b"a/b", b"x" * 200, 0xFFFE)),  # sent again
    (publish(b"a", b""), (b"a", b"", 0)),
    (publish(b"a", b"y" * 20_000, 3, b"\x26" + b"\0\1k\0\1v"), (b"a", b"y" * 20_000, 3)),  # a user property
    (publish(b"a", b"z", 4, b"\x26\0\1k\0\xc8" + b"v" * 200), (b"a", b"z", 4)),  # properties above 127 bytes
]  # fmt: skip


def test_messages_of_a_stream_in_pieces_of_any_size() -> None:
    data = SUBACK + b"".join(packet for packet, _ in STREAM) + b"\xd0\x00"
    chance = Random(1)
    for largest in (1, 2, 7, 300, 50_000):
        rest, at, messages, others = b"", 0, [], []
        while at < len(data):
            piece = data[at : (at := at + chance.randint(1, largest))]
            found, more, done = split(rest + piece)
            rest = (rest + piece)[done:]
            messages += found
            others += more
        assert messages == [message for _, message in STREAM]
        assert (others, rest) == ([SUBACK, b"\xd0\x00"], b"")


@pytest.mark.parametrize("data", [b"\x30\xff\xff\xff\xff\x01", bytes.fromhex("30 06 0001 61 ff 00 00")])
def test_what_is_no_packet(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"length|longer"):
        split(data)


def test_acknowledgements() -> None:
    """MQTT 5.0, 3.4: without reason code and properties."""
    assert acknowledgements([1, 0xFFFE]) == bytes.fromhex("40 02 00 01  40 02 ff fe")
