"""Delay before the next connection: full jitter below a limit that grows, longer where retrying does harm."""

from __future__ import annotations

import random
from enum import Enum

STABLE_S = 30.0  # a connection that lasted longer resets the limit
BRIEF_S = 10.0
BRIEF_ENDS = 4  # brief connections in a row that suggest two clients with one client identifier


class DisconnectReason(Enum):
    """Why there is no connection.

    ASKED: closed by this client, which stops or connects with other settings.
    UNREACHABLE: no connection was established.
    LOST: an established connection ended.
    MESSAGE: it ended at a certain message, which is rejected when this happens again.
    OTHER_VERSION: the broker does not support the protocol version; connect immediately with the other one.
    `REFUSED`: the broker rejected the login or forbids publishing.
    TAKEN_OVER: another client uses the client identifier.
    """

    ASKED = "asked"
    UNREACHABLE = "unreachable"
    LOST = "lost"
    MESSAGE = "message"
    OTHER_VERSION = "other_version"
    REFUSED = "refused"
    TAKEN_OVER = "taken_over"


# First limit of the delay in seconds, its growth with each end, largest limit in seconds
LIMITS_S = {
    DisconnectReason.UNREACHABLE: (1.0, 2.0, 120.0),
    DisconnectReason.LOST: (1.0, 2.0, 120.0),
    DisconnectReason.MESSAGE: (1.0, 1.25, 4.0),  # slowly, because it takes several ends to find the message
    DisconnectReason.REFUSED: (30.0, 2.0, 600.0),
    DisconnectReason.TAKEN_OVER: (30.0, 2.0, 600.0),
}


class Backoff:
    """Computes the delay before each connection. chance: source of the jitter."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._limits_s: dict[DisconnectReason, float] = {}  # of the next delay; without an entry it is the first
        self._waited_s = 0.0  # since the last stable connection
        self._brief = 0

    def delay_s(self, end: DisconnectReason, lasted_s: float) -> float:
        """Seconds to wait. lasted_s: duration of the connection, 0 when none was established."""
        if end in (DisconnectReason.ASKED, DisconnectReason.OTHER_VERSION):
            return 0.0
        harmful = end in (DisconnectReason.REFUSED, DisconnectReason.TAKEN_OVER)
        if lasted_s > STABLE_S and not harmful:
            self._limits_s.clear()
            self._waited_s = 0.0
        elif lasted_s:
            self._limits_s.pop(DisconnectReason.UNREACHABLE, None)
        first_s, growth, largest_s = LIMITS_S[end]
        limit_s = self._limits_s.get(end, first_s)
        self._limits_s[end] = min(growth * limit_s, largest_s)
        limit_s = min(limit_s, max(first_s, self._waited_s))  # a short outage is not followed by a long delay
        delay_s = self._chance.uniform(limit_s / 2 if harmful else 0, limit_s)
        self._waited_s += delay_s
        return delay_s

    def is_takeover_suspected(self, end: DisconnectReason, lasted_s: float) -> bool:
        """Whether brief connections suggest a second client; MQTT 3.1.1 reports none. Call once per connection."""
        if end is not DisconnectReason.MESSAGE:
            self._brief = self._brief + 1 if end is DisconnectReason.LOST and lasted_s < BRIEF_S else 0
        return self._brief >= BRIEF_ENDS
