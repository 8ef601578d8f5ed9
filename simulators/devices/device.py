"""A Modbus slave: a profile, a unit identifier, and a source of values that is called at each read."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from msgspec.structs import replace

from drivers.profiles import Profile, Register
from drivers.reading import Value
from simulators.devices import register_encoder
from simulators.devices.allowed_functions import IDENTITY
from simulators.devices.device_faults import DeviceState
from simulators.devices.identity import DeviceIdentification

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
NO_RESPONSE = 11  # the exception code of a gateway for a device that does not respond
# the usual base address, and the length of the common model, which comes first
SUNSPEC_BASE, SUNSPEC_COMMON = 40000, 66
SUNSPEC_LENGTHS = {203: 105, 213: 124}
_KNOWN = 64  # number of cached requests
# with the position of its words in the response, and its own bit mask
_Row = tuple[Register, list[tuple[int, int]]]


class Refused(Exception):
    """The device returns a Modbus exception response. code: the exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class SimulatedDevice:
    """A slave that responds to functions 3 and 4 only, with at most as many registers as the profile allows.

    Where the profile allows reads across gaps, registers between mapped ones read 0. Elsewhere such a read gets an
    exception response, as does a read that ends in a gap where the profile allows gaps only inside.

    unit: unit identifier.
    profile: the register map.
    values: returns the current values by name.
    rating_kw: rating that selects size-dependent scales. None: the profile must not need it.
    extra: (function, address) → words outside the profile, such as a serial number. None: no words.
    state: faults of the device. None: no fault. A silent device does not respond on a line; a gateway returns 0x0B.
    identification: responses to functions 0x11 and 0x2B. None: the device rejects them, as most devices do.
    """

    def __init__(
        self,
        unit: int,
        profile: Profile,
        values: Callable[[], Mapping[str, Value]],
        *,
        rating_kw: float | None = None,
        extra: Mapping[tuple[int, int], Sequence[int]] | None = None,
        state: DeviceState | None = None,
        identification: DeviceIdentification | None = None,
    ) -> None:
        extra = dict(extra or {})
        if profile.dialect == "sunspec":
            profile, chain = _in_chain(profile)
            extra |= chain
        self.unit, self.profile = unit, profile
        self._values, self._rating_kw = values, rating_kw
        self._state = state or DeviceState()
        self.identification = identification or DeviceIdentification()
        self._rows = {function: [row for row in profile.registers if row.function == function] for function in (3, 4)}
        self._extra = {
            (function, address + k): word
            for (function, address), words in extra.items()
            for k, word in enumerate(words)
        }
        self._scaled = [row for row in profile.registers if row.scale_from is not None]
        self._mapped = {function: self._mapped_words(function) for function in (3, 4)}
        self.areas = {function: self._area(function) for function in (3, 4)}
        self._layouts = lru_cache(_KNOWN)(self._layout)  # a master repeats the same requests

    @property
    def silent(self) -> bool:
        return self._state.silent

    def respond(self, pdu: bytes) -> bytes:
        """Return the PDU of the response to a request PDU: an exception response unless it is a valid read."""
        function = pdu[0]
        if function in IDENTITY:
            return self.identification.answer(pdu)
        if function not in self._rows:
            return bytes((function | 0x80, ILLEGAL_FUNCTION))
        if len(pdu) != 5:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        try:
            data = self.answer(*struct.unpack(">BHH", pdu))
        except Refused as refusal:
            return bytes((function | 0x80, refusal.code))
        return bytes((function, len(data))) + data

    def read(self, function: int, address: int, count: int) -> list[int]:
        """Return the words of one request, all of the same instant. Raises `Refused`."""
        return list(struct.unpack(f">{count}H", self.answer(function, address, count)))

    def answer(self, function: int, address: int, count: int) -> bytes:
        """Return the data of `read` as bytes in transmission order. Raises `Refused`."""
        if self.silent:
            raise Refused(NO_RESPONSE)
        if self._state.exception_code is not None:
            raise Refused(self._state.exception_code)
        writers, rows, fixed = self._layouts(function, address, count)
        answer, values = bytearray(fixed), _with_trip(self.profile, self._values())
        for writer in writers:
            writer.write(answer, values.get(writer.name))
        if not rows and not self._scaled:
            return bytes(answer)
        out = list(struct.unpack(f">{count}H", answer))
        exponents = self.exponents(values) if self._scaled else {}
        for row, places in rows:
            exponent = exponents.get((function, row.scale_from.address)) if row.scale_from is not None else None
            for (k, bits), word in zip(
                places, register_encoder.words(row, values, self._rating_kw, exponent), strict=True
            ):
                if 0 <= k < count:
                    out[k] = out[k] & ~bits | word & bits
        for (where_function, where), (word, bits) in register_encoder.scale_cells(self._scaled, exponents).items():
            if where_function == function and 0 <= (k := where - address) < count:
                out[k] = out[k] & ~bits | word
        return struct.pack(f">{count}H", *out)

    def exponents(self, values: Mapping[str, Value]) -> dict[tuple[int, int], int]:
        """Return (function, address) of each scale register → its power of ten: the finest that fits."""
        return register_encoder.choose_exponents(self.profile, values, self._rating_kw)

    def _layout(
        self, function: int, address: int, count: int
    ) -> tuple[list[register_encoder.RegisterWriter], list[_Row], bytes]:
        """Return the encoders and rows of one request, and the constant words of its response. Raises `Refused`."""
        if function not in self._rows:
            raise Refused(ILLEGAL_FUNCTION)
        if not 1 <= count <= self.profile.max_registers:
            raise Refused(ILLEGAL_VALUE)
        if any(k not in self.areas[function] for k in range(address, address + count)):
            raise Refused(ILLEGAL_ADDRESS)
        ends_in_gap = address + count - 1 not in self._mapped[function]
        if ends_in_gap and not self.profile.overread_allowed and self.profile.gaps_allowed:
            raise Refused(ILLEGAL_ADDRESS)
        rows = self._rows[function]
        alone = [row for row in rows if row.alone and (row.address, row.words) == (address, count)]
        inside = [
            row for row in rows if not row.alone and row.address < address + count and address < row.address + row.words
        ]
        writers: list[register_encoder.RegisterWriter] = []
        odd: list[_Row] = []
        covered: set[int] = set()
        for row in alone or inside:
            places = [(where - address, bits) for where, bits in register_encoder.places(row)]
            words = {k for k, _ in places}
            complete = places[0][0] >= 0 and places[-1][0] < count and not words & covered
            if complete and register_encoder.is_plain(row, self._rating_kw):
                writers.append(register_encoder.RegisterWriter(row, self._rating_kw, places[0][0]))
            else:
                odd.append((row, places))
            covered |= words
        fixed = [self._extra.get((function, address + k), 0) for k in range(count)]
        return writers, odd, struct.pack(f">{count}H", *fixed)

    def _mapped_words(self, function: int) -> frozenset[int]:
        own = {row.address + k for row in self._rows[function] for k in range(row.words)}
        own |= {row.scale_from.address for row in self._rows[function] if row.scale_from}
        return frozenset(own | {address for (where, address) in self._extra if where == function})

    def _area(self, function: int) -> frozenset[int]:
        """Return every address that can be read."""
        rows = self._rows[function]
        mapped = self._mapped[function]
        if self.profile.gaps_allowed and rows:
            first = min(row.address for row in rows)
            return mapped | frozenset(range(first, max(row.address + row.words for row in rows)))
        return mapped


def _with_trip(profile: Profile, values: Mapping[str, Value]) -> Mapping[str, Value]:
    """The values with the bits and codes by which this model shows whether it has tripped."""
    tripped = values.get("tripped")
    if tripped is None:
        return values
    shown: dict[str, Value] = {}
    if (trip := profile.trip) is not None:
        word = int(values.get(trip.register) or 0)
        if trip.mask:
            shown[trip.register] = word & ~trip.mask | (trip.mask & -trip.mask if tripped else 0)
        elif tripped:
            shown[trip.register] = trip.values[0]
    if tripped and profile.register("fault_code") and not values.get("fault_code"):
        shown["fault_code"] = next((code for code in profile.faults if code), 1)
    return {**values, **shown}


def _in_chain(profile: Profile) -> tuple[Profile, dict[tuple[int, int], Sequence[int]]]:
    """Return the profile moved to its SunSpec address, after the marker and the common model, and the words around
    it.
    """
    model = next(row.model_id for row in profile.identify if row.method == "sunspec") or 0
    common = SUNSPEC_BASE + 2
    start = common + 2 + SUNSPEC_COMMON
    length = SUNSPEC_LENGTHS.get(model, max(row.address + row.words for row in profile.registers) - 2)
    chain: dict[tuple[int, int], Sequence[int]] = {
        (3, SUNSPEC_BASE): (0x5375, 0x6E53),
        (3, common): (1, SUNSPEC_COMMON, *[0] * SUNSPEC_COMMON),
        (3, start): (model, length, *[0] * length),
        (3, start + 2 + length): (0xFFFF, 0),
    }
    rows = []
    for row in profile.registers:
        moved = row.scale_from and replace(row.scale_from, address=row.scale_from.address + start)
        rows.append(replace(row, address=row.address + start, scale_from=moved))
    return replace(profile, registers=tuple(rows)), chain
