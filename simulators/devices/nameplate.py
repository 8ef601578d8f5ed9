"""Identification of a simulated device for functions 0x11 and 0x2B / 0x0E, encoded independently of the drivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_ROOM = 253  # maximum size of a PDU, bytes
_SETS = {1: range(0x00, 0x03), 2: range(0x00, 0x80), 3: range(0x00, 0x100)}  # read device ID code → object ids


@dataclass(frozen=True, slots=True)
class Nameplate:
    """Identification data of a device; the device rejects a function for which the data is empty.

    objects: object id → text, for function 0x2B.
    server_id: the bytes after the byte count, for function 0x11.
    """

    objects: Mapping[int, str] = field(default_factory=dict)
    server_id: bytes = b""

    def answer(self, pdu: bytes) -> bytes:
        """Return the PDU of the response to a request PDU."""
        if pdu[0] == 0x11 and self.server_id:
            return bytes((0x11, len(self.server_id))) + self.server_id
        if pdu[0] == 0x2B and self.objects and pdu[1:2] == b"\x0e":
            return self._read(pdu[2], pdu[3]) if len(pdu) == 4 else bytes((0xAB, 3))
        return bytes((pdu[0] | 0x80, 1))

    def _read(self, code: int, first: int) -> bytes:
        """Return the objects in ascending order from `first`, as many as fit.

        Starts from 0 if object `first` does not exist.
        """
        if code == 4:
            if first not in self.objects:
                return bytes((0xAB, 2))
            wanted = [first]
        elif code in _SETS:
            known = sorted(number for number in self.objects if number in _SETS[code])
            wanted = [number for number in known if number >= first] if first in known else known
        else:
            return bytes((0xAB, 3))
        body, sent = b"", 0
        for number in wanted:
            text = self.objects[number].encode()[: _ROOM - 9]
            if 7 + len(body) + 2 + len(text) > _ROOM:
                break
            body += bytes((number, len(text))) + text
            sent += 1
        more = sent < len(wanted)
        conformity = 0x80 | (3 if max(self.objects) > 0x7F else 2 if max(self.objects) > 2 else 1)
        head = (0x2B, 0x0E, code, conformity, 0xFF if more else 0, wanted[sent] if more else 0, sent)
        return bytes(head) + body
