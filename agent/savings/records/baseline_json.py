"""JSON of a baseline, and the hash that makes a frozen one unchangeable."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from agent.core.codec import encode_reason
from agent.savings.records.model import Baseline, TriedModel
from drivers.reasons import reason_of


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
    body["candidates"] = [item._asdict() for item in baseline.candidates]
    found: dict[str, Any] = json.loads(json.dumps(body, default=encode_reason))
    return found


def from_json(body: Mapping[str, Any]) -> Baseline:
    """The baseline from JSON. Raises KeyError, TypeError or ValueError when body is not a baseline."""
    known = {field.name for field in fields(Baseline)}
    values = {name: value for name, value in body.items() if name in known}
    values["drivers"] = tuple(values["drivers"])
    values["coefficients"] = tuple(values["coefficients"])
    values["covariance"] = tuple(tuple(row) for row in values["covariance"])
    values["ranges"] = {name: (float(low), float(high)) for name, (low, high) in values["ranges"].items()}
    values["rivals"] = tuple(values.get("rivals", ()))
    values["candidates"] = tuple(
        TriedModel(reason_of(item["model"]), item["cv_rmse"]) for item in values.get("candidates", ())
    )
    if values.get("fallback") is not None:
        values["fallback"] = reason_of(values["fallback"])
    if values["n_effective"] is None:
        values["n_effective"] = math.inf
    return Baseline(**values)
