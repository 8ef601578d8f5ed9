"""Finds the message at which a broker closes the connection: MQTT 3.1.1 has no other way to reject a message."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

ENDS_MAX = 3  # ends of connections after which a message is rejected
BLAME_S = 4.0  # a later end has another reason; shorter than the shortest keep-alive time (5 s)
SUSPECTS_MAX = 1000

Key = int | str  # number of a row, or topic of a retained message


class _Suspect(Struct):
    """A message that was unconfirmed at the end of a connection.

    published: rows that the broker had confirmed before.
    ends: connections that ended while this message was the only unconfirmed one.
    """

    published: int
    ends: int = 0


class Suspects:
    """The messages that were unconfirmed when a connection ended. The next connection sends each of them alone: those
    that are confirmed are acquitted, and the one at which the connection ends again is the cause.
    """

    def __init__(self) -> None:
        self._suspects: dict[Key, _Suspect] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._suspects

    def __len__(self) -> int:
        return len(self._suspects)

    def clear(self) -> None:
        """Another broker may accept what this one does not."""
        self._suspects.clear()

    def acquit(self, key: Key) -> None:
        """The broker confirmed the message."""
        self._suspects.pop(key, None)

    def cause_of_end(self, unconfirmed: Mapping[Key, float], published: int) -> tuple[Key, int] | None:
        """The message at which the connection ended, and how often that happened; None: it is not known yet.

        unconfirmed: message → seconds since it was sent.
        published: rows that the broker has confirmed so far. A broker that accepts no row at all has another reason.
        """
        if len(unconfirmed) == 1:
            ((key, sent_s),) = unconfirmed.items()
            suspect = self._suspects.get(key)
            if suspect is not None and sent_s < BLAME_S and published > suspect.published:
                suspect.ends += 1
                return key, suspect.ends
        for key in unconfirmed:
            self._suspects.setdefault(key, _Suspect(published))
        for key in list(self._suspects)[:-SUSPECTS_MAX]:  # rows that left the spool otherwise
            del self._suspects[key]
        return None
