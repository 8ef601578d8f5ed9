"""That devices gave no reply, in few words. Addresses of registers are in the reason only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.core.text import N_, Catalogue


def no_reply(reasons: Iterable[Mapping[str, Any]], catalogue: Catalogue) -> str:
    """reasons: of a state, as in its message; those that name no device do not count."""
    data = (item.get("data") for item in reasons)
    devices = dict.fromkeys(str(item["device"]) for item in data if isinstance(item, dict) and "device" in item)
    if not devices:
        return catalogue(N_("no reply"))
    return catalogue(N_("no reply of {devices}"), devices=catalogue.translate(", ").join(devices))
