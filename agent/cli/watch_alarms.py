"""The alarms of the motors in a live table: the worst of each in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.alarms.reasons import PRIORITY_NAMES, STATE_NAMES
from agent.config.alarm_definition import PRIORITIES
from agent.core.text import _, current
from agent.delivery.mqtt.follower import Follower

OPEN = ("UNACK", "RTNUN", "ACKED")  # of equal priority the first one is the worse
Record = Mapping[str, Any]


def open_alarms(records: Iterable[Record]) -> list[Record]:
    """Those that are neither normal nor shelved nor suppressed, the worst first; of another version none."""
    found = [record for record in records if record.get("state") in OPEN and record.get("priority") in PRIORITIES]
    return sorted(found, key=lambda one: (PRIORITIES.index(one["priority"]), OPEN.index(one["state"])))


def is_urgent(records: Iterable[Record]) -> bool:
    """Whether an alarm above the lowest priority is there, acknowledged or not."""
    return any(one["state"] != "RTNUN" and one["priority"] != PRIORITIES[-1] for one in open_alarms(records))


def alarms_of(follower: Follower, topic: str) -> Iterable[Record]:
    """topic: of an asset or a gateway."""
    return follower.alarms.get(topic, {}).values()


def alarm_line(name: str, found: list[Record]) -> str:
    """The worst of the open alarms of one owner, and the number of the others. name: of the owner."""
    worst, more = found[0], len(found) - 1
    data = {
        "name": name, "priority": PRIORITY_NAMES[worst["priority"]], "title": own(str(worst.get("title") or "")),
        "state": STATE_NAMES[worst["state"]],
    }  # fmt: skip
    if not more:
        return _("{name}: {priority:word}: {title} ({state:word})", **data)
    return _("{name}: {priority:word}: {title} ({state:word}), {more:d} more", **data, more=more)


def own(text: str) -> str:
    """A text of the agent in the language of this process, where its catalogue has it."""
    return (current().known(text) or text) if text else ""
