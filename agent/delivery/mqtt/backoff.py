"""Delay before the next connection: full jitter below a limit that doubles, longer where retrying does harm."""

from __future__ import annotations

import random
from enum import Enum

STABLE_S = 30.0  # a connection that lasted longer resets the limit
BRIEF_S = 10.0
BRIEF_ENDS = 4  # brief connections in a row that suggest two clients with one client identifier
LIMIT_S = (1.0, 120.0)
SLOW_LIMIT_S = (30.0, 600.0)


class DisconnectReason(Enum):
    """Why there is no connection.

    ASKED: closed by this client, which stops or connects with other settings.
    UNREACHABLE: no connection was established.
    LOST: an established connection ended.
    OTHER_VERSION: the broker does not support the protocol version; connect immediately with the other one.
    `REFUSED`: the broker rejected the login or forbids publishing.
    TAKEN_OVER: another client uses the client identifier.
    """

    ASKED = "asked"
    UNREACHABLE = "unreachable"
    LOST = "lost"
    OTHER_VERSION = "other_version"
    REFUSED = "refused"
    TAKEN_OVER = "taken_over"


class Backoff:
    """Computes the delay before each connection. chance: source of the jitter."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._limit_s, self._slow_limit_s = LIMIT_S[0], SLOW_LIMIT_S[0]
        self._brief = 0

    def delay_s(self, end: DisconnectReason, lasted_s: float) -> float:
        """Seconds to wait. lasted_s: duration of the connection, 0 when none was established."""
        if end in (DisconnectReason.ASKED, DisconnectReason.OTHER_VERSION):
            return 0.0
        if end in (DisconnectReason.REFUSED, DisconnectReason.TAKEN_OVER):
            limit_s, self._slow_limit_s = self._slow_limit_s, min(2 * self._slow_limit_s, SLOW_LIMIT_S[1])
            return self._chance.uniform(limit_s / 2, limit_s)
        if lasted_s > STABLE_S:
            self._limit_s, self._slow_limit_s = LIMIT_S[0], SLOW_LIMIT_S[0]
        limit_s, self._limit_s = self._limit_s, min(2 * self._limit_s, LIMIT_S[1])
        return self._chance.uniform(0, limit_s)

    def is_takeover_suspected(self, end: DisconnectReason, lasted_s: float) -> bool:
        """Whether brief connections suggest a second client; MQTT 3.1.1 reports none. Call once per connection."""
        self._brief = self._brief + 1 if end is DisconnectReason.LOST and lasted_s < BRIEF_S else 0
        return self._brief >= BRIEF_ENDS
