"""JSON of a baseline, and the hash that makes a frozen one unchangeable."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from agent.core.codec import decode_reason, encode_reason
from agent.savings.records.model import Baseline


def digest(baseline: Baseline) -> str:
    """SHA-256 of everything except the hash, as canonical JSON."""
    body = {name: value for name, value in to_json(baseline).items() if name != "hash"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def intact(baseline: Baseline) -> bool:
    """Whether a frozen baseline is the one that was frozen."""
    return bool(baseline.hash) and digest(baseline) == baseline.hash


def to_json(baseline: Baseline) -> dict[str, Any]:
    body = asdict(baseline)
    if math.isinf(baseline.n_effective):
        body["n_effective"] = None
    found: dict[str, Any] = json.loads(json.dumps(body, default=encode_reason))
    return found


def from_json(body: Mapping[str, Any]) -> Baseline:
    """The baseline from JSON. Raises ValueError when body is not a baseline."""
    infinite = {"n_effective": math.inf} if body.get("n_effective", 0) is None else {}
    return msgspec.convert({**body, **infinite}, Baseline, dec_hook=decode_reason)
