"""Records of a register map. The TOML schema is described in docs/reference/profiles.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

GROUPS = ("fast", "normal", "slow", "once")
WORDS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4, "i64": 4, "f64": 4}
BCD_WORDS = {"bcd4": 1, "bcd6": 2, "bcd8": 2, "sbcd4": 1, "sbcd6": 2, "sbcd8": 2, "bcd12": 3}  # of DL/T 645
ALL_WORDS = {**WORDS, **BCD_WORDS}
ENCODINGS = ("plain", "four_quadrant_pf", "magnitude")
CONFIDENCE = ("two_sources", "one_source", "from_memory")
KINDS = ("vfd", "meter", "motor_relay")
DIALECTS = ("modbus", "sunspec", "dlt645", "s7", "huanyang_private")
IDENTIFY_METHODS = ("fc43", "fc17", "register", "plausibility", "sunspec", "none")
SCALE_KINDS = ("exponent", "decimals")
GAP_RULES = ("allowed", "inside", "forbidden", "unknown")


class BitField(Struct, frozen=True):
    """One part of a value in several registers; the value is Σ raw · scale.

    offset: registers from the address of the Register.
    scale: unit of the quantity per count.
    """

    offset: int
    scale: float


class ScaleFrom(Struct, frozen=True):
    """Register with the power of ten of a value.

    address: its address.
    kind: exponent (signed n, value = raw · scale · 10^n; 0x8000: not implemented) | decimals (10^−n).
    mask: bits of the register that contain the number; None: all.
    offset: registers from the address of the Register if one request reads both; None: it is read separately.
    """

    address: int
    kind: str
    mask: int | None = None
    offset: int | None = None


class Register(Struct, frozen=True):
    """One quantity of a register map; value = raw · scale + offset, in `unit`.

    name: quantity of the vocabulary.
    address, words: registers that one request must read: the value, its parts, and its scale if adjacent.
    function: 3 or 4; DL/T 645: control code 11H, and `address` as in drivers/profiles/dlt645_register.py; data block of
        a PLC: 4, which reads a variable in the S7 protocol, too, and `address` is half the byte.
    type: one of ALL_WORDS, or string. BCD: decimal digits, of which sbcd has a sign in its highest bit (DL/T 645);
        bcd12 is a text of 12 digits.
    big_words_first: word order of values of more than one register.
    scale, offset, unit: see above.
    group: poll group, one of GROUPS.
    confidence: one of CONFIDENCE.
    mask: bits that contain the value; None: all.
    invalid: raw patterns for "not available".
    encoding: one of ENCODINGS.
    scale_by_rating: (rated power in kW up to which it applies, scale), increasing; the last limit is inf.
    note: text for the user.
    at: position of the value in `words`: number of registers before it.
    parts: parts of the value; empty: a single value.
    scale_from: register with the power of ten; None: constant scale.
    invalid_high_word: most significant register content that means "not available"; None: no such content.
    full_scale: magnitude of the raw value from which on the device only reports "at the limit"; None: no limit.
    window: plausibility limits narrower than those of the vocabulary; None: those of the vocabulary.
    scale_doubt: why the scale is uncertain; empty: it is certain.
    latched: contains values of the last trip.
    alone: must be read in a separate request: part of a longer read, its registers have another meaning.
    feeds_watchdog: reading it starts a watchdog in the device.
    needs: option or setting that the device must have for this register.
    manual_ref: place in the manual.
    """

    name: str
    address: int
    function: int
    type: str
    words: int
    big_words_first: bool
    scale: float
    offset: float
    unit: str
    group: str
    confidence: str
    mask: int | None = None
    invalid: tuple[int, ...] = ()
    encoding: str = "plain"
    scale_by_rating: tuple[tuple[float, float], ...] = ()
    note: str = ""
    at: int = 0
    parts: tuple[BitField, ...] = ()
    scale_from: ScaleFrom | None = None
    invalid_high_word: int | None = None
    full_scale: int | None = None
    window: tuple[float, float] | None = None
    scale_doubt: str = ""
    latched: bool = False
    alone: bool = False
    feeds_watchdog: bool = False
    needs: str = ""
    manual_ref: str = ""

    @property
    def needs_confirmation(self) -> bool:
        """Whether a self-check or an operator must confirm the value before it is read, or read without a flag."""
        from_memory = self.confidence == "from_memory" and not self.latched and not self.feeds_watchdog
        return from_memory or bool(self.scale_doubt)

    @property
    def own_words(self) -> int:
        """Number of registers of the value itself, or of each part."""
        return self.words if self.type == "string" else ALL_WORDS[self.type]

    def scale_for(self, rating_kw: float | None) -> float | None:
        """The scale for a drive of that rated power; None if it depends on a rated power that is not known."""
        if not self.scale_by_rating:
            return self.scale
        if rating_kw is None:
            return None
        return next(scale for limit, scale in self.scale_by_rating if rating_kw <= limit)

    def raw_limits(self) -> tuple[int, int] | None:
        """Smallest and largest raw value that is a measurement; None: every value is."""
        if self.full_scale is not None:
            return (1 - self.full_scale if self.type[0] == "i" else 0), self.full_scale - 1
        return None

    def wraps_at(self, rating_kw: float | None = None) -> float | None:
        """Value at which a counter starts again at 0, in the unit of the register; None for floats and if unknown."""
        scale = self.scale_for(rating_kw)
        if self.type in BCD_WORDS and scale is not None:
            return 10.0 ** int(self.type.lstrip("sbcd")) * scale
        if self.type[0] not in "iu" or self.full_scale is not None or self.scale_from or scale is None:
            return None
        if self.parts:
            scale = max(part.scale for part in self.parts)
        bits = 16 * self.own_words - (self.type[0] == "i")
        top = 1 << bits if self.mask is None else (self.mask // (self.mask & -self.mask)) + 1
        return top * scale


class Identify(Struct, frozen=True):
    """A way to identify the model. Fields that the method does not use are None or empty.

    method: fc43 | fc17 | register | plausibility | sunspec | none.
    address, function, type, words: register to read.
    mask: bits that are compared; None: all.
    equals, equals_any: expected raw value or values.
    contains: expected text: of the product name (fc43) or of the register (register).
    vendor_contains: expected text of the vendor name (fc43).
    register: quantity whose value must be plausible (plausibility).
    low, high: limits: raw value (register) or in the unit of the quantity (plausibility).
    model_id: SunSpec model (sunspec).
    bases: addresses at which the SunSpec marker may be (sunspec).
    note: text for the user.
    confidence: one of CONFIDENCE; empty: that of the profile.
    """

    method: str
    address: int | None = None
    function: int = 3
    type: str = ""
    words: int = 0
    mask: int | None = None
    equals: int | None = None
    equals_any: tuple[int, ...] = ()
    contains: str = ""
    vendor_contains: str = ""
    register: str = ""
    low: float | None = None
    high: float | None = None
    model_id: int | None = None
    bases: tuple[int, ...] = ()
    note: str = ""
    confidence: str = ""


class HarmonicBlock(Struct, frozen=True):
    """Consecutive registers with individual harmonics, one value per order.

    name: quantity of the vocabulary.
    address, function, type, big_words_first: as in Register.
    count: number of values.
    first_order, order_step: orders of the values.
    scale: `unit` per count.
    unit: unit of the values.
    reference: fundamental | rms: what 100 % is.
    confidence: one of CONFIDENCE.
    note: text for the user.
    """

    name: str
    address: int
    function: int
    type: str
    count: int
    first_order: int
    order_step: int
    scale: float
    big_words_first: bool
    unit: str
    reference: str
    confidence: str
    note: str = ""

    @property
    def orders(self) -> range:
        """Harmonic order of each value."""
        return range(self.first_order, self.first_order + self.count * self.order_step, self.order_step)


class Trip(Struct, frozen=True):
    """How a register shows that the drive has tripped.

    register: quantity, a status word or a state code.
    mask: bits of which one is set; 0: `values` decide.
    values: contents of the register.
    """

    register: str
    mask: int = 0
    values: tuple[int, ...] = ()

    def is_shown_by(self, value: int) -> bool:
        """Whether this content of the register shows a trip."""
        return bool(value & self.mask) if self.mask else value in self.values


class Profile(Struct, frozen=True):
    """Register map of one model.

    id: vendor/model.
    vendor, model: names.
    kind: vfd | meter | motor_relay.
    phases: 1 or 3.
    confidence: one of CONFIDENCE.
    transports: rtu, tcp or both.
    function: default function code, 3 or 4.
    max_registers: most registers per request.
    min_gap_s: silence before a request that the device needs, in seconds.
    timeout_s: longest response time without transmission time, in seconds.
    refresh_s: refresh interval of the values in seconds; 0: unknown.
    gaps_allowed: a request may include unmapped registers between mapped ones.
    registers: quantities.
    notes: texts for the user.
    rtu, tcp: factory settings of the interface.
    comm_loss: parameter, default and reset_by of the communication watchdog of a drive.
    bits: quantity → bit number → text.
    faults: fault code → text.
    faults_of: quantity that contains the fault code; empty: unknown.
    trip: register that shows a trip; None: not known, or only by its fault code.
    sources: documents from which the map was made.
    dialect: one of DIALECTS.
    overread_allowed: a request may extend beyond the last mapped register.
    identify: ways to identify the model.
    blocks: individual harmonics.
    aliases: other names of the model.
    addressing: how the manual counts addresses.
    """

    id: str
    vendor: str
    model: str
    kind: str
    phases: int
    confidence: str
    transports: tuple[str, ...]
    function: int
    max_registers: int
    min_gap_s: float
    timeout_s: float
    refresh_s: float
    gaps_allowed: bool
    registers: tuple[Register, ...]
    notes: tuple[str, ...] = ()
    rtu: Mapping[str, Any] = field(default_factory=dict)
    tcp: Mapping[str, Any] = field(default_factory=dict)
    comm_loss: Mapping[str, str] = field(default_factory=dict)
    bits: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    faults: Mapping[int, str] = field(default_factory=dict)
    faults_of: str = ""
    trip: Trip | None = None
    sources: tuple[Mapping[str, str], ...] = ()
    dialect: str = "modbus"
    overread_allowed: bool = False
    identify: tuple[Identify, ...] = ()
    blocks: tuple[HarmonicBlock, ...] = ()
    aliases: tuple[str, ...] = ()
    addressing: str = ""

    @property
    def uses_modbus(self) -> bool:
        """Whether its registers are read with Modbus."""
        return self.dialect in ("modbus", "sunspec")

    def register(self, name: str) -> Register | None:
        """The register of a quantity; None if the model does not have it."""
        return next((row for row in self.registers if row.name == name), None)
