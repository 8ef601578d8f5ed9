"""A row of the spool: its MQTT topic, and its importance when space is short."""

from __future__ import annotations

import zlib
from typing import NamedTuple

EVENT, SAVED, WINDOW, SECOND, SPECTRUM = range(5)  # 0 is kept longest, the highest number is dropped first
IMPORTANCE = {
    "event": EVENT,
    "savings": SAVED,
    "pq10m": SAVED,
    "pq3s": WINDOW,
    "condition": WINDOW,
    "telemetry": SECOND,
    "health": SECOND,
    "harmonics": SPECTRUM,
}
CRC_BITS = 32
CRC_MASK = (1 << CRC_BITS) - 1
THIN_MS = {WINDOW: 30_000, SECOND: 10_000, SPECTRUM: 30_000}  # thinning keeps one row per topic in each slot


class StoredRow(NamedTuple):
    """One message as the spool stores it and sinks receive it.

    n: number in the spool, increasing over all runs: `number_of`.
    id: boot-sequence as published, never used twice.
    t_ms: time of the message, UTC milliseconds.
    asset: name of the asset; None: the gateway.
    kind: message type.
    payload: JSON as published.
    put_ns: monotonic time of the append, ns; 0: from an earlier run, or read from the file.
    """

    n: int
    id: str
    t_ms: int
    asset: str | None
    kind: str
    payload: bytes
    put_ns: int = 0

    def topic(self, root: str, backfill: bool = False) -> str:
        """The MQTT topic. root: topic of the gateway."""
        prefix = f"{root}/{self.asset}" if self.asset else root
        return f"{prefix}/backfill/{self.kind}" if backfill else f"{prefix}/{self.kind}"


def number_of(run_id: int, seq: int) -> int:
    """Number of a row in the spool from the two parts of its id: 2³⁴ rows per run, 2²⁹ runs."""
    return run_id << 34 | seq


def checksum(n: int, run_id: int, seq: int, t_ms: int, asset: bytes | None, kind: bytes, payload: bytes) -> int:
    """CRC-32 of a row as stored, without the columns that change while it waits. asset, kind: UTF-8."""
    return zlib.crc32(payload, zlib.crc32(b"%d %d %d %d %b %b" % (n, run_id, seq, t_ms, asset or b"", kind)))


def checks(crc: int, owed: int) -> int:
    """Column `checks` of a row: its checksum and, above, a copy of the sinks that have to confirm it.

    `owed`: mask of these sinks, which changes while the row waits and therefore is not in the checksum.
    """
    return crc | owed << CRC_BITS


def importance(kind: str) -> int:
    """Importance of a message type, 0 to 4."""
    return IMPORTANCE.get(kind, SECOND)
