"""Exchanges between another master and meters of DL/T 645-2007, found in what is received on the line.

A response repeats the data identifier of its request. It is still decoded only with the request before it: the
checksum of one byte alone does not prove a frame.
"""

from __future__ import annotations

from drivers.dlt645_frames import FOLLOWED, FROM_METER, FUNCTION, READ_DATA, REJECTED, MeterFrame, frame_at
from drivers.dlt645_framing import IDENTIFIER_BYTES
from drivers.framing import Request
from drivers.overheard import RESPONSE_MAX_S, Exchange, ReceivedBytes, TrafficCounts

_START, PREAMBLE_BYTE = 0x68, 0xFE
_REJECTION = 2  # exception code of Modbus with the same consequence


class MeterExchanges:
    """The exchanges of DL/T 645: responses in one frame to requests for data (11H)."""

    def __init__(self) -> None:
        self.counts = TrafficCounts()
        self._received = ReceivedBytes()
        self._pending: tuple[Request, float] | None = None  # and the earliest time at which it was sent

    def feed(self, data: bytes, empty_s: float, read_s: float) -> list[Exchange]:
        self._received.add(data, empty_s, read_s)
        self.counts.n_bytes += len(data)
        return self._take(ended=False)

    def end(self) -> list[Exchange]:
        return self._take(ended=True)

    def lost(self, now_s: float) -> None:
        self._pending = None
        self._received.remove(len(self._received.data))

    def _take(self, ended: bool) -> list[Exchange]:
        found: list[Exchange] = []
        data = self._received.data
        while data:
            frame = frame_at(data, 0) if data[0] == _START else 0
            if isinstance(frame, MeterFrame):
                found += self._on_frame(frame)
                self._received.remove(frame.end)
            elif frame and not ended:
                break
            else:
                self.counts.noise += data[0] != PREAMBLE_BYTE
                self._received.remove(1)
        return found

    def _on_frame(self, frame: MeterFrame) -> list[Exchange]:
        counts, function = self.counts, frame.control & FUNCTION
        empty_s, read_s = self._received.arrival(frame.end)
        identifier = int.from_bytes(frame.data[:IDENTIFIER_BYTES], "little")
        if not frame.control & FROM_METER:
            self._pending = None
            if function == READ_DATA and frame.unit >= 0 and len(frame.data) >= IDENTIFIER_BYTES:
                self._pending = Request(frame.unit, READ_DATA, identifier, 0), empty_s
                counts.requests += 1
            else:
                counts.others[frame.unit, function] += 1
            return []
        pending, self._pending = self._pending, None
        if pending is None or (pending[0].unit, function) != (frame.unit, READ_DATA):
            counts.unpaired += 1
            return []
        request, sent_s = pending
        if read_s - sent_s > RESPONSE_MAX_S:
            counts.late += 1
            return []
        if frame.control & REJECTED:
            counts.exceptions += 1
            return [Exchange(request, b"", _REJECTION, read_s)]
        if frame.control & FOLLOWED or identifier != request.address:
            counts.ambiguous += 1
            return []
        counts.decoded += 1
        return [Exchange(request, frame.data[IDENTIFIER_BYTES:], 0, read_s)]
