"""The motors and shared meters that the page shows, from the configuration and from messages."""

from __future__ import annotations

from typing import Any, NamedTuple

from agent.config.topology import Asset
from agent.delivery.followed_messages import FollowedMessage
from agent.web.base.context import Web

_ASSET_KINDS = frozenset(("telemetry", "state", "meta"))


class Entry(NamedTuple):
    """A motor that the page shows.

    followed: its messages; None: none was received. asset: of the configuration; None: not there.
    """

    id: str
    topic: str
    followed: FollowedMessage | None
    asset: Asset | None

    @property
    def messages(self) -> dict[str, dict[str, Any]]:
        return self.followed.messages if self.followed else {}

    @property
    def kind(self) -> str:
        if self.asset is not None:
            return self.asset.motor.kind if self.asset.motor else "meter"
        meta = self.messages.get("meta", {})
        return str(meta["motor"].get("kind", "")) if "motor" in meta else "meter" if meta else ""


def entries(web: Web) -> list[Entry]:
    """The motors in the order of the configuration, of this computer or of the agent, then the others by topic."""
    seen = {
        topic: followed for topic, followed in web.follower.seen.copy().items()
        if _ASSET_KINDS & followed.messages.keys()
    }  # fmt: skip
    known = {f"{web.config.site.root}/{asset.name}": asset for asset in web.assets} if web.config else {}
    ordered = list(known)
    for gateway, messages in sorted(web.follower.gateway_messages.copy().items()):
        ordered += (f"{gateway}/{name}" for name in messages.get("info", {}).get("assets", ()))
    found: dict[str, Entry] = {}
    for topic in dict.fromkeys((*ordered, *sorted(seen))):
        name = topic.rpartition("/")[2]
        motor_id = name if name not in found else topic.rpartition("/")[0].rpartition("/")[2] + ":" + name
        found[motor_id] = Entry(motor_id, topic, seen.get(topic), known.get(topic))
    return list(found.values())


def find(web: Web, motor_id: str) -> Entry | None:
    return next((entry for entry in entries(web) if entry.id == motor_id), None)


def name_of(entry: Entry) -> str:
    if entry.asset is not None:
        return entry.asset.title
    name = entry.messages.get("meta", {}).get("name", entry.id)
    return name if isinstance(name, str) else entry.id
