"""A meter of DL/T 645-2007: values on the secondary side as decimal digits, single or in blocks, in one or more frames.

The table is that of appendix A of the standard, written independently of the profiles of the driver.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from drivers.reading import Value
from simulators.devices.meter_frames import (
    ANSWER,
    DATA_MAX,
    ERROR,
    EVERYONE,
    MORE,
    NEXT,
    NO_SUCH_DATA,
    READ,
    WHO,
    MeterAsk,
)


class Item(NamedTuple):
    """Format of a value. unit: of the vocabulary per unit of the meter. signed: the highest bit is the sign."""

    quantity: str
    n_bytes: int
    decimals: int
    unit: float = 1.0
    signed: bool = False


def _phases(
    name: str, base: int, n_bytes: int, decimals: int, unit: float = 1.0, *, total: str = "", signed: bool = True
) -> dict[int, Item]:
    found = {base | k << 8: Item(name.format(k), n_bytes, decimals, unit, signed) for k in (1, 2, 3)}
    return found | ({base: Item(total, n_bytes, decimals, unit, signed)} if total else {})


ITEMS: Mapping[int, Item] = {
    0x00010000: Item("energy_import", 4, 2),
    0x00020000: Item("energy_export", 4, 2),
    0x00030000: Item("reactive_energy_import", 4, 2, signed=True),
    0x00040000: Item("reactive_energy_export", 4, 2, signed=True),
    **_phases("voltage_l{}n", 0x02010000, 2, 1, signed=False),
    **_phases("current_l{}", 0x02020000, 3, 3),
    **_phases("active_power_l{}", 0x02030000, 3, 4, 1000.0, total="active_power"),
    **_phases("reactive_power_l{}", 0x02040000, 3, 4, 1000.0, total="reactive_power"),
    **_phases("apparent_power_l{}", 0x02050000, 3, 4, 1000.0, total="apparent_power"),
    **_phases("power_factor_l{}", 0x02060000, 2, 3, total="power_factor"),
    0x02800002: Item("frequency", 2, 2),
    0x02800003: Item("active_power_mean_1min", 3, 4, 1000.0, True),
    0x02800004: Item("demand_active_power", 3, 4, 1000.0, True),
    0x02800007: Item("device_temperature", 2, 1, signed=True),
}
DATE, TIME = 0x04000101, 0x04000102  # YYMMDDWW, where the day of the week 0 is Sunday, and hhmmss
NUMBER, MODEL = 0x04000402, 0x0400040B
MODEL_TEXT = "DTZ-SIM"
THREE_WIRES = {"voltage_l1n": "voltage_l12", "voltage_l3n": "voltage_l23"}  # shown in place of
WATTMETERS = {"active_power_l1": -1, "active_power_l3": 1}  # sign of the share of the reactive power
ABSENT_OF_THREE_WIRES = ("voltage_l2n", "current_l2", "active_power_l2")


class EnergyMeter:
    """A meter that responds to reads only.

    address: 12 digits. values: returns the values by quantity, in the units of the vocabulary, on the secondary side.
    phases: 1 or 3. three_wires: U_A is U_AB, U_C is U_CB; B is zero. blocks: it has the data identifiers of blocks.
    clock: its clock; None: it does not have one. data_max: bytes of data in one frame. silent: it does not respond.
    """

    def __init__(
        self, address: str, values: Callable[[], Mapping[str, Value]], *, phases: int = 3, three_wires: bool = False,
        blocks: bool = True, data_max: int = DATA_MAX, clock: Callable[[], datetime] | None = None,
    ) -> None:  # fmt: skip
        self.address, self.phases, self.three_wires, self.blocks = address, phases, three_wires, blocks
        self.data_max, self.silent = data_max, False
        self._values = values
        self._clock = clock
        self._rest: dict[int, bytes] = {}  # data identifier → data that the next frames bring

    @property
    def unit(self) -> int:
        return int(self.address)

    def answer(self, ask: MeterAsk) -> tuple[int, bytes] | None:
        """Control code and data of the response; None: it does not respond."""
        own = all(mine == asked or asked == "A" for mine, asked in zip(self.address, ask.address, strict=True))
        if self.silent or not own:
            return None
        if ask.control == WHO:
            return (WHO | ANSWER, bytes.fromhex(self.address)[::-1]) if ask.address == EVERYONE else None
        identifier = ask.identifier
        if ask.control == READ:
            data = self.read(identifier)
            if data is None:
                return READ | ANSWER | ERROR, bytes((NO_SUCH_DATA,))
            return self._part(READ, identifier, data, b"")
        rest = self._rest.get(identifier)
        if ask.control != NEXT or rest is None:
            return NEXT | ANSWER | ERROR, bytes((NO_SUCH_DATA,))
        return self._part(NEXT, identifier, rest, ask.data[4:5])

    def read(self, identifier: int) -> bytes | None:
        """The value of a data identifier, the lowest byte first; None: the meter does not have it."""
        if identifier == NUMBER:
            return bytes.fromhex(self.address)[::-1]
        if identifier == MODEL:
            return MODEL_TEXT.encode().ljust(10, b"\0")[:10][::-1]
        if identifier in (DATE, TIME):
            digits = self._clock().strftime("%y%m%d0%w" if identifier == DATE else "%H%M%S") if self._clock else ""
            return bytes.fromhex(digits)[::-1] or None
        values = self._values()
        if identifier >> 8 & 0xFF != 0xFF:
            return self._digits(identifier, values)
        members = [member for member in sorted(ITEMS) if member & 0xFFFF00FF == identifier & 0xFFFF00FF]
        found = [self._digits(member, values) for member in members]
        if not self.blocks or not any(item is not None for item in found):
            return None
        return b"".join(item for item in found if item is not None)

    def _part(self, control: int, identifier: int, data: bytes, number: bytes) -> tuple[int, bytes]:
        now, rest = data[: self.data_max], data[self.data_max :]
        self._rest = {identifier: rest} if rest else {}
        more = MORE if rest else 0
        return control | ANSWER | more, identifier.to_bytes(4, "little") + now + number

    def _digits(self, identifier: int, values: Mapping[str, Value]) -> bytes | None:
        item = ITEMS.get(identifier)
        if item is None or (self.phases == 1 and item.quantity.removesuffix("n").endswith(("_l2", "_l3"))):
            return None
        name = item.quantity
        if self.three_wires and name in ABSENT_OF_THREE_WIRES:
            return bytes(item.n_bytes)
        value = values.get(THREE_WIRES.get(name, name) if self.three_wires else name)
        if self.three_wires and name in WATTMETERS:
            value = _two_wattmeters(values, WATTMETERS[name])
        if not isinstance(value, int | float):
            return b"\xff" * item.n_bytes
        raw = round(value / item.unit * 10**item.decimals)
        top = 10 ** (2 * item.n_bytes) if not item.signed else 8 * 10 ** (2 * item.n_bytes - 1)
        count = abs(raw) % top if "energy" in name else min(abs(raw), top - 1)
        digits = bytearray.fromhex(str(count).zfill(2 * item.n_bytes))
        if item.signed and raw < 0:
            digits[0] |= 0x80
        return bytes(digits[::-1])


def _two_wattmeters(values: Mapping[str, Value], sign: int) -> float | None:
    """Power of U_AB and I_A (sign -1), or of U_CB and I_C, of a symmetrical load; their sum is the total."""
    p, q = values.get("active_power"), values.get("reactive_power")
    if not isinstance(p, int | float) or not isinstance(q, int | float):
        return None
    return p / 2 + sign * q / (2 * math.sqrt(3))
