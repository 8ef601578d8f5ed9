"""Where the socket is, and its lines: topic, age in milliseconds and payload, separated by tabs, ended by a line feed.

Topics and payloads are those of MQTT (docs/reference/mqtt.md); an empty payload deletes a retained message. The age
is the time since the message was made; it is 0, except for those that the agent had before the connection.
"""

from __future__ import annotations

import os
from pathlib import Path

NAME = "live.sock"
SERVICE_PATH = Path("/run/magwatt") / NAME  # of deploy/magwatt.service
LINE_BYTES_MAX = 4 << 20  # a reader disconnects at a longer line
PATH_BYTES_MAX = 107  # unix(7): sun_path with its final zero


def serving_path(state_dir: Path | None) -> Path | None:
    """Where an agent creates its socket: in the folder of its service, else in its state directory; None: nowhere."""
    if folder := os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        return Path(folder) / NAME
    return state_dir.absolute() / NAME if state_dir else None


def following_paths(state_dir: Path) -> tuple[Path, ...]:
    """Where the socket of the agent with this state directory can be, in the order in which it is tried."""
    return state_dir.absolute() / NAME, SERVICE_PATH


def line(topic: str, age_ms: int, payload: bytes) -> bytes:
    return b"%s\t%d\t%s\n" % (topic.encode(), age_ms, payload)


def parsed(text: bytes) -> tuple[str, float, bytes] | None:
    """Topic, age in seconds and payload of a line without its end; None: it is not one."""
    parts = text.split(b"\t", 2)
    if len(parts) != 3 or not parts[1].isdigit():
        return None
    return parts[0].decode("utf-8", "replace"), int(parts[1][:12]) / 1000, parts[2]
