"""Content of ledger records in a lake: frozen baselines, decided events, and the stored intervals that they name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from agent.core.codec import decode_reason
from agent.savings.records import baseline_json
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent


def frozen_baseline(body: Mapping[str, Any]) -> Baseline:
    """Of a record of kind `baseline`. Raises KeyError, TypeError, AttributeError or ValueError if it is none."""
    return baseline_json.from_json(body["baseline"])


def decided_event(body: Mapping[str, Any]) -> NonRoutineEvent:
    """Of a record of kind `decision`. Raises KeyError, TypeError or ValueError if it is none."""
    return msgspec.convert(body["event"], NonRoutineEvent, dec_hook=decode_reason)


def is_stored_interval(stored: str, digest: str) -> bool:
    """Whether `stored` is the interval whose digest a record of kind `interval` states."""
    return hashlib.sha256(stored.encode()).hexdigest() == digest


def read_interval(stored: str) -> Interval:
    """Raises msgspec.MsgspecError if it is no interval."""
    return msgspec.json.decode(stored, type=Interval)
