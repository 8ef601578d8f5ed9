"""How well the registers of a device fit the map of a model, as log-likelihood ratios in nats. Pure functions.

The alternative hypothesis is another device: `chance` draws register contents for it once for each register (small
numbers, arbitrary ones, and numbers of other devices). A value inside its plausibility limits is strong evidence if
few contents would decode to such a value (a float of 49.98 Hz), and weak evidence if all would. Zeros
are weak evidence: unused registers read as zero, and so do many values of a stopped motor. Physical relations between
the values are the strongest evidence, since the values of a wrong map do not fulfil them.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random

from msgspec import Struct, field

from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.consistency_rules import PAIRS, PHASES, consistency
from drivers.framing import READ_DEVICE_ID
from drivers.profiles import Identify, Profile, Register
from drivers.reasons import Reason
from drivers.registers import decode
from drivers.vocabulary import vocabulary

SAMPLES = 96  # register contents drawn for each register
PLAUSIBLE_IF_RIGHT = 0.97  # probability that a nonzero register of the right map is inside its window
ZERO, ZERO_BY_CHANCE = 0.30, 0.55  # probability of zero in a register of the right map, and in any readable register
ZERO_COSTS = 0.2  # smaller than the probabilities imply: a stopped drive has many zeros
ANSWERED = 0.5  # nats for a readable block: of a wrong map, one in two or three is readable
REWARD_MAX, PENALTY_MAX = 2.5, 3.0  # limits for one register, because maps have errors
CORRELATED = 0.7  # evidence of neighbouring registers is correlated
TINY = 1e-4  # a float smaller than this, but not 0, is not a measured value
# Narrower than the windows of the vocabulary: a device that responds is connected to the mains or to a drive.
ALIVE = {
    "frequency": (45.0, 65.0), "dc_bus_voltage": (100.0, 1500.0), "mains_voltage": (80.0, 1000.0),
    "drive_temperature": (-10.0, 110.0), "output_frequency": (-400.0, 400.0), "motor_torque": (-250.0, 250.0),
    **{f"voltage_{phase}n": (50.0, 20000.0) for phase in PHASES}, "voltage_ln_avg": (50.0, 20000.0),
    **{f"voltage_{pair}": (80.0, 36000.0) for pair in PAIRS}, "voltage_ll_avg": (80.0, 36000.0),
    **{f"{kind}_{phase}": (0.0, 100.0) for kind in ("thd_u", "thdn_u") for phase in (*PHASES, *PAIRS)},
}  # fmt: skip
IDENTITY_KINDS = ("identity", "setting", "state")


class Evidence(Struct):
    """Evidence for or against one model.

    score: log-likelihood ratio in nats, positive for the model.
    named: the device reports this model.
    excluded: the device reports another model, or an identification register has another value.
    other: the device reports another name of the same manufacturer.
    pro: evidence for the model.
    contra: evidence against it.
    judged: number of values that are evidence.
    plausible: number of those inside their plausibility limits.
    rejected: number of blocks that the device rejects.
    absent: number of registers of the map that the device rejects individually.
    values: quantity → decoded value.
    """

    score: float = 0.0
    named: bool = False
    excluded: bool = False
    other: bool = False
    pro: list[Reason] = field(default_factory=list)
    contra: list[Reason] = field(default_factory=list)
    judged: int = 0
    plausible: int = 0
    rejected: int = 0
    absent: int = 0
    values: dict[str, float] = field(default_factory=dict)

    def add_identification(self, fits: bool) -> None:
        """Adds that what identifies the model fits, or excludes it."""
        self.named |= fits
        self.excluded |= not fits

    def add(self, nats: float, reason: Reason) -> None:
        self.score += nats
        (self.pro if nats > 0 else self.contra).append(reason)


# --- values ---


def add_values(profile: Profile, words: Mapping[tuple[int, int], int], evidence: Evidence) -> None:
    """Adds the evidence of the registers that were read. words: (function code, address) → register content."""
    total = 0.0
    for row in profile.registers:
        own = [words.get((row.function, row.address + k)) for k in range(row.words)]
        if row.latched or row.type == "string" or None in own:
            continue
        scale_word = words.get((row.function, row.scale_from.address)) if row.scale_from else None
        verdict, value = _verdict(row, [word for word in own if word is not None], scale_word)
        if value is not None:
            evidence.values[row.name] = value
        evidence.plausible += verdict == "in"
        evidence.judged += verdict in ("in", "out", "dead")
        total += _nats(verdict, chance(row))
    evidence.score += CORRELATED * total
    if evidence.judged:
        reason = codes.VALUES_PLAUSIBLE(plausible=evidence.plausible, n=evidence.judged)
        (evidence.pro if 2 * evidence.plausible >= evidence.judged else evidence.contra).append(reason)
    for rule, holds in consistency(evidence.values):
        if holds:
            evidence.add(rule.reward, rule.code())
        else:
            evidence.add(-rule.penalty, codes.RELATION_VIOLATED(relation=rule.code()))


def _nats(verdict: str, p: float) -> float:
    """Evidence of one value. p: probability that another device has a plausible one."""
    if verdict == "in":
        return min(math.log((1 - ZERO) * PLAUSIBLE_IF_RIGHT / (1 - ZERO_BY_CHANCE) / p), REWARD_MAX)
    if verdict == "out":
        return max(math.log((1 - PLAUSIBLE_IF_RIGHT) / (1 - min(p, 0.9))), -PENALTY_MAX)
    return {"dead": -1.0, "zero": -ZERO_COSTS}.get(verdict, 0.0)


def _verdict(row: Register, words: Sequence[int], scale_word: int | None = None) -> tuple[str, float | None]:
    """Evidence of a value, and the value; None if it is not a number.

    in, out: inside or outside the plausibility limits. zero: 0 inside the limits. dead: 0 outside. none: no evidence.
    """
    value, _ = decode(row, words, scale_word=scale_word)
    if not isinstance(value, float | int):
        return "none", None
    quantity = vocabulary()[row.name]
    if quantity.kind in IDENTITY_KINDS:
        return "none", float(value)
    low, high = ALIVE.get(row.name) or row.window or (quantity.low, quantity.high)
    if not any(words):
        unused = "none" if quantity.kind == "counter" else "zero"
        return "dead" if low is not None and low > 0 else unused, float(value)
    if low is None or high is None:
        return "none", float(value)
    return ("in" if low <= value <= high and not 0 < abs(value) < TINY else "out"), float(value)


@cache
def chance(row: Register) -> float:
    """Probability that the content of a register of another device is plausible in this one."""
    random = Random(1)
    inside = judged = 0
    for _ in range(SAMPLES):
        verdict, _ = _verdict(row, _any_words(random, row.words), random.choice((0, 1, 2, 0xFFFF)))
        inside += verdict == "in"
        judged += verdict in ("in", "out")
    return (inside + 1) / (judged + 2) if judged else 1.0


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
        else:  # a float of another device at any offset
            found += struct.unpack(">HH", struct.pack(">f", random.choice((-1, 1)) * 10 ** random.uniform(-2, 6)))
    at = random.randrange(len(found) - count + 1)
    return found[at : at + count]


# --- identification that a device reports ---


def add_names(profile: Profile, reported: str, evidence: Evidence, function: int) -> None:
    """Adds the evidence of the text that function 0x2B (device identification) or 0x11 (server ID) returned."""
    text = reported.casefold()
    reason = codes.REPORTED_IDENTIFICATION(text=reported, function=function)
    rules = [rule for rule in profile.identify if rule.method == "fc43" and rule.contains]
    matches = any(rule.vendor_contains.casefold() in text and rule.contains.casefold() in text for rule in rules)
    evidence.excluded |= bool(rules) and function == READ_DEVICE_ID
    if matches or _names_model(profile, reported):
        evidence.named, evidence.excluded = True, False
        evidence.add(10.0, reason)
    elif _vendor_in(profile, text):
        evidence.other |= function == READ_DEVICE_ID
        evidence.add(3.0, reason)
    elif function == READ_DEVICE_ID:  # the standard defines no content of a server ID
        evidence.add(-6.0, reason)
    elif any(rule.method == "fc17" for rule in profile.identify):  # but some manufacturers report the model there
        evidence.other = True
        evidence.contra.append(reason)


def _names_model(profile: Profile, reported: str) -> bool:
    tokens = {_token(text) for name in (profile.model, *profile.aliases) for text in (name, _type_code(name))}
    return any(token and token in _plain(reported) for token in tokens)


def _type_code(name: str) -> str:
    """ "VLT AutomationDrive FC 302 (note)" → "FC 302": the shortest suffix with letters and digits."""
    words = name.partition("(")[0].split()
    ends = (" ".join(words[at:]) for at in reversed(range(len(words))))
    return next((end for end in ends if any(letter.isalpha() for letter in end) and _token(end)), "")


def _plain(text: str) -> str:
    """Letters and digits, in lower case."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _token(name: str) -> str:
    """The name of a model for comparison; empty if it is too short to be evidence."""
    plain = _plain(name)
    return plain if len(plain) >= 4 and any(letter.isdigit() for letter in plain) else ""


def _vendor_in(profile: Profile, text: str) -> bool:
    """Whether a word of the text (lower case) begins with the manufacturer: short names occur inside many words."""
    names = profile.vendor.split()[0].casefold(), profile.id.split("/")[0].split("-")[0]
    return any(word.startswith(names) for word in re.findall(r"[^\W_]+", text))


def add_register(profile: Profile, rule: Identify, words: Sequence[int] | None, evidence: Evidence) -> None:
    """Adds the evidence of an identification register.

    words: its content; None if the device rejected it. Zeros mean an unused register, unless the rule expects zero.
    """
    weight = 0.4 if rule.confidence == "from_memory" else 1.0
    address = rule.address or 0
    if words is None or not (any(words) or 0 in (rule.equals, *rule.equals_any)):
        specific = bool(rule.equals_any or rule.contains) or rule.equals is not None
        evidence.excluded |= specific and weight == 1.0
        evidence.add(-2.0 * weight, (codes.REGISTER_ZERO if words else codes.REGISTER_REJECTED)(address=address))
        return
    if rule.type == "string":
        text = b"".join(word.to_bytes(2, "big") for word in words).decode("ascii", "replace").strip("\0 ")
        reason = codes.REGISTER_TEXT(address=address, text=text)
        if rule.contains:
            fits = rule.contains.casefold() in text.casefold()
            evidence.add_identification(fits)
            evidence.add(8.0 if fits else -5.0 * weight, reason)
        elif _names_model(profile, text):
            evidence.named = True
            evidence.add(8.0, reason)
        elif text.isprintable() and len(text) >= 3:
            evidence.add(1.0, reason)
        return
    raw = int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big")
    bits = 16 * len(words) if rule.mask is None else rule.mask.bit_count()
    if rule.mask is not None:
        raw &= rule.mask
    reason = codes.REGISTER_VALUE(address=address, value=raw)
    expected = rule.equals_any or (() if rule.equals is None else (rule.equals,))
    if expected:
        fits = raw in expected
        if bits >= 8:
            evidence.add_identification(fits)
        by_chance = 0.5 * (0 in expected) + 0.5 * len(expected) / 2**bits
        evidence.add(min(-math.log(max(by_chance, 1e-9)), 8.0) if fits else -6.0 * weight, reason)
    elif rule.low is not None and rule.high is not None:
        fits = rule.low <= raw <= rule.high
        evidence.add(1.5 if fits else -3.0 * weight, reason)
    else:
        evidence.add(0.5, codes.REGISTER_READABLE(address=address))
