"""Bundles with one mutation each, which no verifier may accept as settled.

`tampered` and `text` change a signed bundle without a key; `resigned` changes what is signed and signs it again with
the right keys, so that only a comparison with plan, lines or arithmetic finds it.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct
from support.contract_bundles import built, bundle_text
from support.contract_recipes import recipe
from support.contract_resigning import RESIGNED
from support.contract_tampering import TAMPERED, TEXTUAL

Chance = random.Random


class Mutation(Struct, frozen=True):
    """family, kind: what was changed. seed: of the valid bundle. text: of the mutated one."""

    family: str
    kind: str
    seed: int
    text: str


def mutations(count: int, first_seed: int = 0, hours: int = 2) -> Iterator[Mutation]:
    """Mutations in turn of each kind, each of another valid bundle; those without effect on a bundle are left out."""
    kinds = [("tampered", kind, change) for kind, change in TAMPERED.items()]
    kinds += [("text", kind, change) for kind, change in TEXTUAL.items()]
    kinds += [("resigned", kind, change) for kind, change in RESIGNED.items()]
    random.Random(1).shuffle(kinds)  # so that few mutations are of many families
    made, seed = 0, first_seed
    while made < count:
        family, kind, change = kinds[seed % len(kinds)]
        text = _mutated(family, change, seed, hours)
        if text is not None:
            made += 1
            yield Mutation(family, kind, seed, text)
        seed += 1


def _mutated(family: str, change: Callable[[Any, Chance], Any], seed: int, hours: int) -> str | None:
    """The mutated bundle; None: the change has no meaning here."""
    chance = random.Random(f"mutation {seed}")
    valid = recipe(seed, hours)
    valid.corrected = seed % 3 == 0
    bundle = built(copy.deepcopy(valid))
    if family == "resigned":
        changed = change(valid, chance)
        other = None if changed is None else built(changed)
        return bundle_text(other) if other is not None and other != bundle else None
    if family == "text":
        text = change(bundle_text(bundle), chance)
        return text if text is not None and text != bundle_text(bundle) else None
    other = copy.deepcopy(bundle)
    return bundle_text(other) if change(other, chance) is not False and other != bundle else None
