"""What a register map is made of. The TOML schema that fills these stands in docs/profiles.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GROUPS = ("fast", "normal", "slow", "once")
WORDS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4, "i64": 4, "f64": 4}
ENCODINGS = ("plain", "four_quadrant_pf")
CONFIDENCE = ("two_sources", "one_source", "from_memory")
KINDS = ("vfd", "meter", "motor_relay")
DIALECTS = ("modbus", "sunspec", "huanyang_private")
IDENTIFY_METHODS = ("fc43", "fc17", "register", "plausibility", "sunspec", "none")
SCALE_KINDS = ("exponent", "decimals")
GAP_RULES = ("allowed", "inside", "forbidden", "unknown")


@dataclass(frozen=True, slots=True)
class Part:
    """One register of a value that is spread over several; the value is Σ raw · scale."""

    offset: int  # words from the register's address
    scale: float


@dataclass(frozen=True, slots=True)
class ScaleFrom:
    """The power of ten of a value stands in another register.

    kind: exponent (signed, value = raw · scale · 10^n; 0x8000 says "not implemented") | decimals (10^−n).
    offset: words from the register's address when both come with one request, else None.
    """

    address: int
    kind: str
    mask: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Register:
    """One quantity on the wire. value = raw · scale + offset, in `unit`.

    address and words span everything that must come with one request: the value, its parts, a scale near by.
    at: words of that span before the value's own.
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
    scale_by_rating: tuple[tuple[float, float], ...] = ()  # (up to kW, scale), rising; the last is inf
    note: str = ""
    at: int = 0
    parts: tuple[Part, ...] = ()
    scale_from: ScaleFrom | None = None
    invalid_high_word: int | None = None  # any value whose most significant word is this says "not available"
    full_scale: int | None = None  # magnitude of the raw value from which on the device only says "too much"
    window: tuple[float, float] | None = None  # narrower than the vocabulary's
    scale_doubt: str = ""  # why the scale may be another one; empty when it is known
    latched: bool = False  # holds the values of the last trip
    alone: bool = False  # read with a request of its own; what it overlaps is another value
    feeds_watchdog: bool = False  # reading it starts a watchdog in the device
    needs: str = ""
    manual_ref: str = ""

    @property
    def own_words(self) -> int:
        """Words of the value itself, or of each part."""
        return self.words if self.type == "string" else WORDS[self.type]

    def scale_for(self, rating_kw: float | None) -> float | None:
        """The scale for a drive of that rating; None when the rating decides and is not known."""
        if not self.scale_by_rating:
            return self.scale
        if rating_kw is None:
            return None
        return next(scale for limit, scale in self.scale_by_rating if rating_kw <= limit)

    def raw_limits(self) -> tuple[int, int] | None:
        """The least and the largest raw value that is still a measurement; None where every value is one."""
        if self.full_scale is not None:
            return (1 - self.full_scale if self.type[0] == "i" else 0), self.full_scale - 1
        return None

    def wraps_at(self, rating_kw: float | None = None) -> float | None:
        """Where a counter starts again at 0, in the register's unit; None for floats and where it is not known."""
        scale = self.scale_for(rating_kw)
        if self.type[0] not in "iu" or self.full_scale is not None or self.scale_from or scale is None:
            return None
        if self.parts:
            scale = max(part.scale for part in self.parts)
        bits = 16 * self.own_words - (self.type[0] == "i")
        top = 1 << bits if self.mask is None else (self.mask // (self.mask & -self.mask)) + 1
        return top * scale


@dataclass(frozen=True, slots=True)
class Identify:
    """How to tell the model by reads. What a method does not use is None or empty."""

    method: str  # fc43 | fc17 | register | plausibility | sunspec | none
    address: int | None = None
    function: int = 3
    type: str = ""
    words: int = 0
    mask: int | None = None
    equals: int | None = None
    equals_any: tuple[int, ...] = ()
    contains: str = ""  # fc43: in the product's name; register: in the text
    vendor_contains: str = ""  # fc43
    register: str = ""  # plausibility: the quantity's name
    low: float | None = None  # raw for register, in the quantity's unit for plausibility
    high: float | None = None
    model_id: int | None = None  # sunspec
    bases: tuple[int, ...] = ()
    marker: int | None = None
    note: str = ""
    confidence: str = ""


@dataclass(frozen=True, slots=True)
class HarmonicBlock:
    """A run of individual harmonics, one value for each order."""

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
    reference: str  # fundamental | rms
    confidence: str
    note: str = ""

    @property
    def orders(self) -> range:
        return range(self.first_order, self.first_order + self.count * self.order_step, self.order_step)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known about one model, with how far to trust it."""

    id: str
    vendor: str
    model: str
    kind: str  # vfd | meter | motor_relay
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
    faults_of: str = ""  # the register whose value the fault table explains; empty when it is not known
    sources: tuple[Mapping[str, str], ...] = ()
    dialect: str = "modbus"
    spare_allowed: bool = False  # a read may go beyond the last mapped register
    identify: tuple[Identify, ...] = ()
    blocks: tuple[HarmonicBlock, ...] = ()
    aliases: tuple[str, ...] = ()
    addressing: str = ""
    waveforms: tuple[Mapping[str, Any], ...] = ()

    def register(self, name: str) -> Register | None:
        return next((row for row in self.registers if row.name == name), None)
