"""Identification of a simulated model: register values, and texts for functions 0x2B and 0x11.

Derived from the `identify` entries of a register map. Where the map states only that the device supports a function,
the model's name or a serial number is returned.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.profiles import Identify, Profile
from drivers.reading import Value
from simulators.devices.nameplate import Nameplate

SERIAL_NUMBER = 22091734
Words = list[int]


def identity_words(profile: Profile) -> dict[tuple[int, int], Words]:
    """Return (function, address) → words of every register that identifies the model."""
    found: dict[tuple[int, int], Words] = {}
    for rule in profile.identify:
        if rule.method == "register" and rule.address is not None:
            found.setdefault((rule.function, rule.address), _mark(rule, profile.model))
    return found


def identity_values(profile: Profile) -> Mapping[str, Value]:
    """Return the identification values of registers that the map names, as raw values."""
    values: dict[str, Value] = {}
    for (function, address), words in identity_words(profile).items():
        for row in profile.registers:
            if (row.function, row.address) == (function, address) and row.type[0] in "ui":
                values[row.name] = float(int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big"))
    return values


def nameplate(profile: Profile) -> Nameplate:
    for rule in profile.identify:
        if rule.method == "fc43":
            product = f"{rule.contains or profile.model}-01"
            return Nameplate({0: f"{rule.vendor_contains or profile.vendor} AG", 1: product, 2: "V1.02"})
    if any(rule.method == "fc17" for rule in profile.identify):
        return Nameplate(server_id=b"\x01\xff" + profile.model.encode())
    return Nameplate()


def _mark(rule: Identify, model: str) -> Words:
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
