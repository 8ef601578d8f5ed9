"""One connection to a PLC by the S7 protocol (RFC 1006), which can only read data blocks. Blocking calls.

The frames are those of python-snap7. `ReadOnlyConnection` is the only way for them to the socket, and passes two
functions: F0 (set up communication) and 04 (read variable). See docs/decisions/0029.
"""

from __future__ import annotations

import logging
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

from snap7.connection import ISOTCPConnection
from snap7.datatypes import S7Area
from snap7.error import S7Error, S7TimeoutError
from snap7.s7protocol import S7Protocol

from drivers import error_reasons as codes
from drivers.bus_settings import BusSettings
from drivers.errors import ConnectFailed, FrameError, LinkClosed, LinkTimeout, PlcRejection
from drivers.s7_place import Part
from drivers.tcp_stream import not_connected

logging.getLogger("snap7").setLevel(logging.CRITICAL)  # this package reports what fails

JOB = 0x01  # kind of a PDU
READ_VARIABLE, SET_UP = 0x04, 0xF0  # functions
HEADER_BYTES = 10  # of a request: 32, kind, reserved (2), reference (2), length of parameters (2) and of data (2)
ITEM_BYTES = 12  # of a read request
PDU_BYTES = 240  # S7-300 and S7-1200 grant no more
OVERHEAD_BYTES = 18  # header, function and item of the response to a read
CONNECT_S = 3.0
LOCAL_TSAP = 0x0100
S7_BASIC = 0x03  # kind of connection; 1 and 2 would use those that a CPU reserves for engineering and panels
GOOD = 0xFF  # return code of an item
ITEM_HEAD_BYTES = 4  # of a response
IN_BITS, IN_BYTES = 0x04, 0x09  # type of an item, by the unit of its length


class ReadOnlyConnection(ISOTCPConnection):
    """The connection of the library, limited to reading, with a limit for the time of each exchange."""

    reached = False  # whether the TCP connection was opened
    until_s = 0.0  # monotonic time at which the exchange ends

    def send_data(self, data: bytes) -> None:
        """Raises ValueError for a PDU that is no request to read data blocks or to set up, or that carries data."""
        parameters = data[HEADER_BYTES:]
        header = struct.pack(">BBHHHH", 0x32, JOB, 0, int.from_bytes(data[4:6], "big"), len(parameters), 0)
        if data[:HEADER_BYTES] != header or not (_sets_up(parameters) or _reads_blocks(parameters)):
            raise ValueError(f"not a read request: {data.hex()}")
        super().send_data(data)

    def _tcp_connect(self) -> None:
        super()._tcp_connect()
        self.reached = True

    def _recv_exact(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            rest_s = self.until_s - time.monotonic()
            if rest_s <= 0 or self.socket is None:
                raise S7TimeoutError("time of the exchange")
            self.socket.settimeout(rest_s)
            part = self.socket.recv(size - len(data))
            if not part:
                self.connected = False
                raise ConnectionResetError
            data += part
        return data


def _sets_up(parameters: bytes) -> bool:
    return parameters[:1] == bytes((SET_UP,)) and len(parameters) == 8


def _reads_blocks(parameters: bytes) -> bool:
    """Whether these are items of data blocks: 12 0A 10, type, count (2), block (2), area, first bit (3)."""
    items = [parameters[at : at + ITEM_BYTES] for at in range(2, len(parameters), ITEM_BYTES)]
    return parameters[:2] == bytes((READ_VARIABLE, len(items))) and all(
        item[:3] == b"\x12\x0a\x10" and item[8:9] == bytes((S7Area.DB,)) and len(item) == ITEM_BYTES for item in items
    )


class PlcConnection:
    """A connection to the CPU in one rack and slot. Use from one thread; `abort` from any.

    After an exchange that failed, the connection is closed: a response is never that to an earlier request.
    bytes_max: most bytes of a read of one part.
    """

    def __init__(self, wire: BusSettings) -> None:
        self._wire = wire
        self._protocol = S7Protocol()
        self._connection: ReadOnlyConnection | None = None
        self.response_s = 0.0
        self.bytes_max = PDU_BYTES - OVERHEAD_BYTES

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def open(self) -> None:
        """Connects and sets up the communication. Raises ConnectFailed."""
        wire, (rack, slot) = self._wire, self._wire.rack_slot or (0, 1)
        tsap = S7_BASIC << 8 | rack << 5 | slot
        self._protocol = S7Protocol()
        connection = ReadOnlyConnection(wire.host, wire.port_number, LOCAL_TSAP, tsap)
        connection.until_s = time.monotonic() + CONNECT_S
        try:
            connection.connect(CONNECT_S)
            self._connection = connection
            response = self._exchange(self._protocol.build_setup_communication_request(1, 1, PDU_BYTES))
            granted = (response["parameters"] or {}).get("pdu_length", 0)
            if granted <= OVERHEAD_BYTES:
                raise S7Error("no PDU length")
            self.bytes_max = min(granted, PDU_BYTES) - OVERHEAD_BYTES & ~1
        except (S7Error, OSError) as error:
            self.close()
            cause = error.__context__ if isinstance(error.__context__, OSError) else OSError(str(error))
            if connection.reached:
                raise ConnectFailed(codes.PLC_CONNECTION_REJECTED, peer=wire.where, rack=rack, slot=slot) from None
            if isinstance(cause, TimeoutError):
                raise ConnectFailed(codes.CONNECTION_TIMEOUT, peer=wire.where, timeout_s=CONNECT_S) from None
            raise ConnectFailed(not_connected(wire.where, cause)) from None

    def fits(self, sizes: Sequence[int]) -> bool:
        """Whether one request can read parts of these numbers of bytes."""
        pdu = self.bytes_max + OVERHEAD_BYTES
        asked = HEADER_BYTES + 2 + ITEM_BYTES * len(sizes)
        return max(asked, OVERHEAD_BYTES - ITEM_HEAD_BYTES + sum(ITEM_HEAD_BYTES + size for size in sizes)) <= pdu

    def read(self, parts: Sequence[Part], timeout_s: float) -> list[bytes | PlcRejection]:
        """The bytes of each part, or why the PLC rejects it; the parts must fit into one request.

        Raises LinkTimeout, LinkClosed, FrameError; PlcRejection if it rejects the request.
        """
        place = parts[0].place
        request = self._protocol.build_multi_read_request(
            [(S7Area.DB, part.block, part.first_byte, part.n_bytes) for part in parts]
        )
        assert self._connection is not None, "open first"
        self._connection.until_s = time.monotonic() + timeout_s
        try:
            return _items(self._exchange(request), parts)
        except (S7TimeoutError, TimeoutError):
            self.close()
            raise LinkTimeout(codes.PLC_NO_RESPONSE, place=place, timeout_s=timeout_s) from None
        except S7Error as error:
            if error.error_code:  # in the header: the PLC rejects the function
                raise PlcRejection(error.error_code, place) from None
            closed = not self._connection.connected
            self.close()
            if closed:
                raise LinkClosed(codes.CONNECTION_CLOSED, peer=self._wire.where) from None
            raise FrameError(codes.PLC_RESPONSE_CORRUPT, place=place) from None
        except OSError:
            self.close()
            raise LinkClosed(codes.CONNECTION_CLOSED, peer=self._wire.where) from None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None

    def abort(self) -> None:
        """Ends an exchange in another thread."""
        connection = self._connection
        if connection is not None and (opened := connection.socket) is not None:
            try:
                opened.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it was closed meanwhile

    def _exchange(self, request: bytes) -> dict[str, Any]:
        """The response to a request, which repeats its reference. Raises S7Error, OSError."""
        connection = self._connection
        assert connection is not None
        sent_s = time.monotonic()
        connection.send_data(request)
        response = self._protocol.parse_response(connection.receive_data())
        self._protocol.validate_pdu_reference(response["sequence"])
        self.response_s = time.monotonic() - sent_s
        return response


def _items(response: dict[str, Any], parts: Sequence[Part]) -> list[bytes | PlcRejection]:
    """The items of a response: code, type, number of bits or bytes (2), bytes. Raises S7Error.

    The library returns no codes of single items. An item is followed by a fill byte only if its number of bytes is odd.
    """
    if response["parameters"] != {"function_code": READ_VARIABLE, "item_count": len(parts)}:
        raise S7Error("response to another request")
    data, found = response.get("raw_data", b""), list[bytes | PlcRejection]()
    for part in parts:
        if len(data) < ITEM_HEAD_BYTES:
            raise S7Error("item missing")
        code, kind, length = struct.unpack(">BBH", data[:ITEM_HEAD_BYTES])
        data = data[ITEM_HEAD_BYTES:]
        if code != GOOD:
            found.append(PlcRejection(code, part.place))
            continue
        if (kind, length) not in ((IN_BITS, 8 * part.n_bytes), (IN_BYTES, part.n_bytes)) or len(data) < part.n_bytes:
            raise S7Error("item of another length")
        found.append(data[: part.n_bytes])
        data = data[part.n_bytes :]
    if data:
        raise S7Error("bytes after the last item")
    return found
