"""A PLC for tests, and a reader of what a client sends: S7 protocol (RFC 1006), written without python-snap7.

Frames: 03 00 | length (2) | COTP: length, kind, … | S7: 32, kind, 0 0, reference (2), length of parameters (2) and of
data (2), in responses error class and code, parameters, data.
COTP kinds: E0 connect, D0 confirm, 80 disconnect, F0 data.
Sources: RFC 1006, ISO 8073; the Wireshark dissector s7comm for the PDU.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple, Self

CONNECT, CONFIRM, DISCONNECT, DATA = 0xE0, 0xD0, 0x80, 0xF0


class Sent(NamedTuple):
    """One frame of a client.

    cotp: kind. kind: of the S7 PDU (1: job, 7: user data). function: first parameter. n_data: bytes of data; a read
    has none. items: (area, data block, first bit, length, type) of a read. tsap: called, of a connection.
    """

    cotp: int
    kind: int = 0
    function: int = 0
    n_data: int = 0
    items: tuple[tuple[int, int, int, int, int], ...] = ()
    tsap: int = 0
    reference: int = 0


def sent_in(stream: bytes) -> list[Sent]:
    """All frames of a stream; fails if it contains anything else."""
    found = []
    while stream:
        version, reserved, length = struct.unpack(">BBH", stream[:4])
        assert (version, reserved) == (3, 0), stream.hex(" ")
        assert 7 <= length <= len(stream), stream.hex(" ")
        found.append(_frame(stream[4:length]))
        stream = stream[length:]
    return found


def _frame(body: bytes) -> Sent:
    if body[1] == CONNECT:
        at = body.index(b"\xc2\x02", 7)
        return Sent(CONNECT, tsap=int.from_bytes(body[at + 2 : at + 4], "big"))
    if body[1] != DATA:
        return Sent(body[1])
    pdu = body[3:]
    protocol, kind, _, reference, n_parameters, n_data = struct.unpack(">BBHHHH", pdu[:10])
    assert protocol == 0x32, pdu.hex(" ")
    assert len(pdu) == 10 + n_parameters + n_data, pdu.hex(" ")
    parameters = pdu[10 : 10 + n_parameters]
    items = []
    if parameters[0] == 4:
        assert len(parameters) == 2 + 12 * parameters[1]
        for at in range(2, len(parameters), 12):
            kind_of, count, block, area = struct.unpack(">3xBHHB", parameters[at : at + 9])
            items.append((area, block, int.from_bytes(parameters[at + 9 : at + 12], "big"), count, kind_of))
    return Sent(DATA, kind, parameters[0], n_data, tuple(items), 0, reference)


def response(reference: int, parameters: bytes, data: bytes = b"", error: int = 0) -> bytes:
    """A PDU of kind 3. error: class and code."""
    return struct.pack(">BBHHHHH", 0x32, 3, 0, reference, len(parameters), len(data), error) + parameters + data


def framed(cotp: bytes, pdu: bytes = b"") -> bytes:
    return struct.pack(">BBH", 3, 0, 4 + len(cotp) + len(pdu)) + cotp + pdu


class Plc:
    """A CPU that responds to reads. Use as asynchronous context manager, within the loop of the client.

    blocks: number → content. tsap: the only called one that is accepted; 0301H is rack 0, slot 1, kind S7 basic.
    connections: most at a time. rejection: return code of each item. error: class and code of each response to a read.
    pdu: granted length of a PDU. silent: reads get no response.
    changed: what is sent instead of a response. received: bytes of all clients.
    """

    def __init__(self, blocks: Mapping[int, bytes], tsap: int = 0x0301, connections: int = 8) -> None:
        self.blocks, self.tsap, self.connections = dict(blocks), tsap, connections
        self.rejection, self.error, self.silent = 0xFF, 0, False
        self.pdu = 240
        self.changed: Callable[[bytes], bytes] = lambda frame: frame
        self.received = bytearray()
        self.port, self.open = 0, 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As a power failure: the port closes, connections end without a message."""
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        while self._writers:  # noqa: ASYNC110 (a few turns of the loop)
            await asyncio.sleep(0.001)

    @property
    def sent(self) -> list[Sent]:
        return sent_in(bytes(self.received))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.open += 1
        try:
            while True:
                head = await reader.readexactly(4)
                frame = head + await reader.readexactly(int.from_bytes(head[2:], "big") - 4)
                self.received += frame
                if (reply := self._reply(frame)) is None:
                    return
                writer.write(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.open -= 1
            self._writers.discard(writer)
            writer.close()

    def _reply(self, frame: bytes) -> bytes | None:
        """The response; None closes the connection."""
        (asked,) = sent_in(frame)
        if asked.cotp == CONNECT:
            if asked.tsap != self.tsap or self.open > self.connections:
                return None
            return framed(bytes((6, CONFIRM)) + frame[8:10] + b"\0\x01\0")
        if asked.cotp == DISCONNECT:
            return None
        if asked.function == 0xF0:
            return framed(b"\x02\xf0\x80", response(asked.reference, frame[17:23] + struct.pack(">H", self.pdu)))
        if self.silent:
            return b""
        return self.changed(framed(b"\x02\xf0\x80", self._read(asked)))

    def _read(self, asked: Sent) -> bytes:
        if self.error:
            return response(asked.reference, b"\x04\0", error=self.error)
        found = b"".join(self._item(*item) for item in asked.items)
        pdu = response(asked.reference, bytes((4, len(asked.items))), found)
        assert max(len(pdu), 12 + 12 * len(asked.items)) <= self.pdu, "longer than the PDU that was granted"
        return pdu

    def _item(self, area: int, block: int, bit: int, count: int, kind: int) -> bytes:
        assert (area, kind, bit % 8, count % 2) == (0x84, 2, 0, 0), "whole words of a data block"
        code, content = self.rejection, self.blocks.get(block)
        part = (content or b"")[bit // 8 : bit // 8 + count]
        if code == 0xFF and content is None:
            code = 0x0A
        elif code == 0xFF and len(part) < count:
            code = 0x05
        return struct.pack(">BBH", 0xFF, 4, 8 * count) + part if code == 0xFF else bytes((code, 0, 0, 0))


class Recorder:
    """Between a client and a server on this computer. sent: bytes of all clients. Leave it after the client."""

    def __init__(self, port: int) -> None:
        self._target, self.port, self.sent = port, 0, bytearray()
        self._connections: set[asyncio.Task[None] | None] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        async with asyncio.timeout(5):
            await asyncio.gather(*filter(None, self._connections))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(asyncio.current_task())
        upward, upstream = await asyncio.open_connection("127.0.0.1", self._target)

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, record: bool) -> None:
            while part := await source.read(4096):
                if record:
                    self.sent += part
                sink.write(part)
            sink.close()
            await sink.wait_closed()

        await asyncio.gather(copy(reader, upstream, True), copy(upward, writer, False), return_exceptions=True)
