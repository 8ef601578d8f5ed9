"""JSON of a baseline, and the hash that makes a frozen one unchangeable."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from agent.core.codec import decode_reason, encode_reason
from agent.savings.records.model import Baseline

_LATER = ("dropped", "static_factors")  # fields that earlier versions did not have: omitted when empty


def digest(baseline: Baseline) -> str:
    """SHA-256 of everything except the hash, as canonical JSON."""
    body = {name: value for name, value in to_json(baseline).items() if name != "hash"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def intact(baseline: Baseline) -> bool:
    """Whether a frozen baseline is the one that was frozen."""
    return bool(baseline.hash) and digest(baseline) == baseline.hash


def to_json(baseline: Baseline) -> dict[str, Any]:
    """The baseline for JSON: of an earlier version as it was frozen, so that its hash stays valid."""
    body = msgspec.to_builtins(baseline, enc_hook=encode_reason)
    body.pop("earlier")
    body = {name: value for name, value in body.items() if name not in _LATER or value}
    if math.isinf(baseline.n_effective):
        body["n_effective"] = None
    found: dict[str, Any] = json.loads(json.dumps({**body, **baseline.earlier}, default=encode_reason))
    return found


def from_json(body: Mapping[str, Any]) -> Baseline:
    """The baseline from JSON. Raises ValueError when body is not a baseline."""
    infinite = {"n_effective": math.inf} if body.get("n_effective", 0) is None else {}
    found = msgspec.convert({**body, **infinite, "earlier": {}}, Baseline, dec_hook=decode_reason)
    written = to_json(found)
    return replace(found, earlier={name: value for name, value in body.items() if written.get(name, body) != value})
