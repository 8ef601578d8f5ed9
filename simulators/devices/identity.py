"""Identification of a simulated model: register values, and texts for functions 0x2B and 0x11, encoded independently
of the drivers.

Derived from the `identify` entries of a register map. Where the map states only that the device supports a function,
the model's name or a serial number is returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.profiles import Identify, Profile
from drivers.reading import Value

SERIAL_NUMBER = 22091734
_ROOM = 253  # maximum size of a PDU, bytes
_SETS = {1: range(0x00, 0x03), 2: range(0x00, 0x80), 3: range(0x00, 0x100)}  # read device ID code → object ids
Words = list[int]


@dataclass(frozen=True, slots=True)
class DeviceIdentification:
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
            selected = [first]
        elif code in _SETS:
            known = sorted(number for number in self.objects if number in _SETS[code])
            selected = [number for number in known if number >= first] if first in known else known
        else:
            return bytes((0xAB, 3))
        body, sent = b"", 0
        for number in selected:
            text = self.objects[number].encode()[: _ROOM - 9]
            if 7 + len(body) + 2 + len(text) > _ROOM:
                break
            body += bytes((number, len(text))) + text
            sent += 1
        more = sent < len(selected)
        conformity = 0x80 | (3 if max(self.objects) > 0x7F else 2 if max(self.objects) > 2 else 1)
        head = (0x2B, 0x0E, code, conformity, 0xFF if more else 0, selected[sent] if more else 0, sent)
        return bytes(head) + body


def identity_words(profile: Profile) -> dict[tuple[int, int], Words]:
    """Return (function, address) → words of every register that identifies the model."""
    found: dict[tuple[int, int], Words] = {}
    for rule in profile.identify:
        if rule.method == "register" and rule.address is not None:
            found.setdefault((rule.function, rule.address), _identity_register(rule, profile.model))
    return found


def identity_values(profile: Profile) -> Mapping[str, Value]:
    """Return the identification values of registers that the map names, as raw values."""
    values: dict[str, Value] = {}
    for (function, address), words in identity_words(profile).items():
        for row in profile.registers:
            if (row.function, row.address) == (function, address) and row.type[0] in "ui":
                values[row.name] = float(int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big"))
    return values


def identification(profile: Profile) -> DeviceIdentification:
    for rule in profile.identify:
        if rule.method == "fc43":
            product = f"{rule.contains or profile.model}-01"
            return DeviceIdentification({0: f"{rule.vendor_contains or profile.vendor} AG", 1: product, 2: "V1.02"})
    if any(rule.method == "fc17" for rule in profile.identify):
        return DeviceIdentification(server_id=b"\x01\xff" + profile.model.encode())
    return DeviceIdentification()


def _identity_register(rule: Identify, model: str) -> Words:
    if rule.type == "string":
        text = f"X {rule.contains} 1" if rule.contains else model
        raw = text.encode()[: 2 * rule.words].ljust(2 * rule.words, b"\0")
        return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
    if rule.equals is not None:
        number = rule.equals
    elif rule.equals_any:
        number = rule.equals_any[0]
    elif rule.low is not None and rule.high is not None:
        number = int((rule.low + rule.high) / 2)
    else:
        number = SERIAL_NUMBER % (1 << 16 * rule.words)
    return [number >> 16 * k & 0xFFFF for k in reversed(range(rule.words))]
