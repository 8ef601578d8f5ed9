"""How well a device's registers fit a model's map: log likelihood ratios against chance, in nats. Pure functions.

A value inside its window tells much where few register contents would decode into it (a float of 49.98 Hz), and
little where all would. What chance would show is drawn once for each register: small numbers, anything, and numbers of
other devices. Zeros tell little: holes read as zero, and so does a machine at rest. Laws of physics that hold between
values tell most, since other maps' values obey none.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

from agent.discover.laws import LAWS, PAIRS, PHASES
from agent.words import counted
from drivers.profiles import Identify, Profile, Register
from drivers.registers import decode
from drivers.vocabulary import vocabulary

DRAWS = 96  # register contents by chance
RIGHT = 0.97  # how often a right register that is not zero is inside its window
ZERO, ZERO_BY_CHANCE = 0.30, 0.55  # how often a right register is zero, and any register that answers
ZERO_COSTS = 0.2  # less than these say: a drive at rest shows many
ANSWERED = 0.5  # nats for a block that is not refused: elsewhere one in two or three is
REWARD_MAX, PENALTY_MAX = 2.5, 3.0  # of one register, whatever the windows say: maps have slips
CORRELATED = 0.7  # neighbours tell less together than apart
TINY = 1e-4  # a float that small, yet not 0, is no measurement
# Narrower than the vocabulary's windows: a device that answers is alive, and stands on a mains or a drive.
ALIVE = {
    "frequency": (45.0, 65.0), "dc_bus_voltage": (100.0, 1500.0), "mains_voltage": (80.0, 1000.0),
    "drive_temperature": (-10.0, 110.0), "output_frequency": (-400.0, 400.0), "motor_torque": (-250.0, 250.0),
    **{f"voltage_{phase}n": (50.0, 20000.0) for phase in PHASES}, "voltage_ln_avg": (50.0, 20000.0),
    **{f"voltage_{pair}": (80.0, 36000.0) for pair in PAIRS}, "voltage_ll_avg": (80.0, 36000.0),
    **{f"{kind}_{phase}": (0.0, 100.0) for kind in ("thd_u", "thdn_u") for phase in (*PHASES, *PAIRS)},
}  # fmt: skip
READ_ID, SERVER_ID = "function 0x2B", "function 0x11"
IDENTITY_KINDS = ("identity", "setting", "state")


@dataclass(slots=True)
class Evidence:
    """What speaks for a model (score > 0) or against it."""

    score: float = 0.0
    named: bool = False  # the device itself says that it is this model
    denied: bool = False  # … that it is another one
    other: bool = False  # it calls itself something else, of the same maker
    pro: list[str] = field(default_factory=list)
    contra: list[str] = field(default_factory=list)
    judged: int = 0  # values that could tell something
    plausible: int = 0
    refused: int = 0  # blocks
    absent: int = 0  # registers of its map that the device refuses one by one
    values: dict[str, float] = field(default_factory=dict)

    def add(self, nats: float, text: str) -> None:
        self.score += nats
        (self.pro if nats > 0 else self.contra).append(text)


# --- values ---


def judge_values(profile: Profile, words: Mapping[tuple[int, int], int], evidence: Evidence) -> None:
    """Adds what the registers tell that were read. words: (function, address) → word."""
    total = 0.0
    for row in profile.registers:
        own = [words.get((row.function, row.address + k)) for k in range(row.words)]
        if row.latched or row.type == "string" or None in own:
            continue
        scale_word = words.get((row.function, row.scale_from.address)) if row.scale_from else None
        verdict, value = _verdict(row, [word for word in own if word is not None], scale_word)
        if value is not None:
            evidence.values[row.name] = value
        p = chance(row)
        if verdict == "in":
            total += min(math.log((1 - ZERO) * RIGHT / (1 - ZERO_BY_CHANCE) / p), REWARD_MAX)
            evidence.plausible += 1
            evidence.judged += 1
        elif verdict == "out":
            total += max(math.log((1 - RIGHT) / (1 - min(p, 0.9))), -PENALTY_MAX)
            evidence.judged += 1
        elif verdict in ("dead", "zero"):
            total -= 1.0 if verdict == "dead" else ZERO_COSTS
            evidence.judged += verdict == "dead"
    evidence.score += CORRELATED * total
    if evidence.judged:
        text = f"{evidence.plausible} of {counted(evidence.judged, 'value')} plausible"
        (evidence.pro if 2 * evidence.plausible >= evidence.judged else evidence.contra).append(text)
    for law in LAWS:
        if (off := law.deviation(evidence.values)) is not None:
            holds = off <= 1
            evidence.add(law.reward if holds else -law.penalty, law.text if holds else f"not: {law.text}")


def _verdict(row: Register, words: Sequence[int], scale_word: int | None = None) -> tuple[str, float | None]:
    """in | out | zero | dead (0 where life would show) | none (tells nothing), and the value."""
    value, _ = decode(row, words, scale_word=scale_word)
    if not isinstance(value, float | int):
        return "none", None
    quantity = vocabulary()[row.name]
    if quantity.kind in IDENTITY_KINDS:
        return "none", float(value)
    low, high = ALIVE.get(row.name) or row.window or (quantity.low, quantity.high)
    if not any(words):
        counts = quantity.kind == "counter"
        return ("dead" if low is not None and low > 0 else "none" if counts else "zero"), float(value)
    if low is None or high is None:
        return "none", float(value)
    return ("in" if low <= value <= high and not 0 < abs(value) < TINY else "out"), float(value)


@cache
def chance(row: Register) -> float:
    """How often the contents of other devices' registers would look plausible in this one."""
    random = Random(1)
    inside = told = 0
    for _ in range(DRAWS):
        verdict, _ = _verdict(row, _any_words(random, row.words), random.choice((0, 1, 2, 0xFFFF)))
        inside += verdict == "in"
        told += verdict in ("in", "out")
    return (inside + 1) / (told + 2) if told else 1.0


def _any_words(random: Random, count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        kind = random.random()
        if kind < 0.25:
            found.append(random.randrange(1 << 16))
        elif kind < 0.65:
            found.append(int(10 ** random.uniform(0, 4.8)) & 0xFFFF)
        elif kind < 0.75:
            found.append(0)
        else:  # another device's float, which may begin anywhere
            number = struct.pack(">f", random.choice((-1, 1)) * 10 ** random.uniform(-2, 6))
            found += struct.unpack(">HH", number)
    at = random.randrange(len(found) - count + 1)
    return found[at : at + count]


# --- what a device says of itself ---


def judge_names(profile: Profile, told: str, evidence: Evidence, how: str) -> None:
    """told: the text of function 0x2B or 0x11."""
    text = told.casefold()
    rules = [rule for rule in profile.identify if rule.method == "fc43"]
    if any(
        rule.vendor_contains.casefold() in text and rule.contains and rule.contains.casefold() in text for rule in rules
    ):
        evidence.named, evidence.denied = True, False
        evidence.add(10.0, f"it calls itself '{told}' ({how})")
        return
    evidence.denied |= any(rule.contains for rule in rules) and how == READ_ID
    if _says_model(profile, told):
        evidence.named, evidence.denied = True, False
        evidence.add(10.0, f"it calls itself '{told}' ({how})")
    elif _vendor_in(profile, text):
        evidence.other |= how == READ_ID
        evidence.add(3.0, f"it calls itself '{told}' ({how})")
    elif how == READ_ID:  # in a server id stands what its maker likes
        evidence.add(-6.0, f"it calls itself '{told}' ({how})")
    elif any(rule.method == "fc17" for rule in profile.identify):  # … but for makers that put the model there
        evidence.other = True
        evidence.contra.append(f"it calls itself '{told}' ({how})")


def _says_model(profile: Profile, told: str) -> bool:
    names = (profile.model, *profile.aliases)
    tokens = {_token(text) for name in names for text in (name, _type_code(name))}
    return any(name and name in _token(told, 0) for name in tokens)


def _type_code(name: str) -> str:
    """ "VLT AutomationDrive FC 302 (note)" → "FC 302": the shortest end of it that has letters and digits."""
    words = name.partition("(")[0].split()
    ends = (" ".join(words[at:]) for at in reversed(range(len(words))))
    return next((end for end in ends if any(letter.isalpha() for letter in end) and _token(end)), "")


def _token(name: str, least: int = 4) -> str:
    """A model's name for comparing: letters and digits; too short a one tells nothing."""
    plain = "".join(letter for letter in name.casefold() if letter.isalnum())
    return plain if not least or (len(plain) >= least and any(letter.isdigit() for letter in plain)) else ""


def _vendor_in(profile: Profile, text: str) -> bool:
    """Whether a word of the text (small letters) begins with the maker's name: short ones stand inside many words."""
    names = profile.vendor.split()[0].casefold(), profile.id.split("/")[0].split("-")[0]
    return any(word.startswith(names) for word in re.findall(r"[^\W_]+", text))


def judge_register(profile: Profile, rule: Identify, words: Sequence[int] | None, evidence: Evidence) -> None:
    """words: None when the device refused. Zeros stand where there is nothing; unless they are what is looked for."""
    sure = 0.4 if rule.confidence == "from_memory" else 1.0
    where = f"register {rule.address}"
    if words is None or not (any(words) or 0 in (rule.equals, *rule.equals_any)):
        told = bool(rule.equals_any or rule.contains) or rule.equals is not None
        evidence.denied |= told and sure == 1.0
        evidence.add(-2.0 * sure, f"{where} is {'empty' if words else 'refused'}")
        return
    if rule.type == "string":
        text = b"".join(word.to_bytes(2, "big") for word in words).decode("ascii", "replace").strip("\0 ")
        if rule.contains:
            fits = rule.contains.casefold() in text.casefold()
            evidence.named |= fits
            evidence.denied |= not fits
            evidence.add(8.0 if fits else -5.0 * sure, f"{where} says '{text}'")
        elif _says_model(profile, text):
            evidence.named = True
            evidence.add(8.0, f"{where} says '{text}'")
        elif text.isprintable() and len(text) >= 3:
            evidence.add(1.0, f"{where} says '{text}'")
        return
    raw = int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big")
    bits = 16 * len(words) if rule.mask is None else rule.mask.bit_count()
    if rule.mask is not None:
        raw &= rule.mask
    wanted = rule.equals_any or (() if rule.equals is None else (rule.equals,))
    if wanted:
        fits = raw in wanted
        if bits >= 8:
            evidence.named |= fits
            evidence.denied |= not fits
        by_chance = 0.5 * (0 in wanted) + 0.5 * len(wanted) / 2**bits
        evidence.add(min(-math.log(max(by_chance, 1e-9)), 8.0) if fits else -6.0 * sure, f"{where} is {raw}")
    elif rule.low is not None and rule.high is not None:
        fits = rule.low <= raw <= rule.high
        evidence.add(1.5 if fits else -3.0 * sure, f"{where} is {raw}")
    else:
        evidence.add(0.5, f"{where} answers")
