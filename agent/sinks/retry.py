"""When to connect again: full jitter below a limit that doubles, and longer where trying again would make it worse."""

from __future__ import annotations

import random
from enum import Enum

STOOD_S = 30.0  # a connection that lasted that long was a good one: the limit starts anew
BRIEF_S = 10.0
BRIEF_ENDS = 4  # that many brief connections in a row look as if two clients with one name threw each other out
LIMIT_S = (1.0, 120.0)
SLOW_LIMIT_S = (30.0, 600.0)


class End(Enum):
    """Why there is no connection (any more)."""

    ASKED = "asked to end"
    UNREACHABLE = "no connection came about"
    LOST = "it stood and was lost"
    OTHER_VERSION = "try the other protocol version at once"
    REFUSED = "the broker does not let us in, or publish"
    TAKEN_OVER = "another client uses our name"


class Retry:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._limit_s, self._slow_limit_s = LIMIT_S[0], SLOW_LIMIT_S[0]
        self._brief = 0

    def after(self, end: End, stood_s: float) -> float:
        """Seconds to wait. stood_s: how long the connection stood, 0 when it never did."""
        if end is End.OTHER_VERSION:
            return 0.0
        if end in (End.REFUSED, End.TAKEN_OVER):
            limit_s, self._slow_limit_s = self._slow_limit_s, min(2 * self._slow_limit_s, SLOW_LIMIT_S[1])
            return self._chance.uniform(limit_s / 2, limit_s)
        if stood_s > STOOD_S:
            self._limit_s, self._slow_limit_s = LIMIT_S[0], SLOW_LIMIT_S[0]
        limit_s, self._limit_s = self._limit_s, min(2 * self._limit_s, LIMIT_S[1])
        return self._chance.uniform(0, limit_s)

    def looks_taken_over(self, end: End, stood_s: float) -> bool:
        """Call once for each end. MQTT 3.1.1 cannot say it; a row of brief connections can."""
        self._brief = self._brief + 1 if end is End.LOST and stood_s < BRIEF_S else 0
        return self._brief >= BRIEF_ENDS
