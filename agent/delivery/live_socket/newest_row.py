"""How old the newest row of the running agent is: for a health check, which neither loads the configuration nor reads
the state file. The ages are of the agent's monotonic clock, so that setting the clock does not change them."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.delivery.live_socket.client import LIVE_SOCKET_ABSENT, connected
from agent.delivery.live_socket.protocol import LINE_BYTES_MAX, parsed
from drivers.reasons import Code, Reason, cause_of

ROWS = ("telemetry", "pq3s")  # kinds of messages
CHUNK_BYTES = 64 << 10

LIVE_SOCKET_SILENT = Code(
    "live_socket_silent", "the agent that serves {path} sent nothing within {wait_s:g} s: it hangs"
)
LIVE_SOCKET_CLOSED = Code(
    "live_socket_closed",
    "the agent that serves {path} closed the connection: it is stopping, or it has as many clients as it accepts",
)
NO_ROW_YET = Code(
    "no_row_yet",
    "the agent that serves {path} has made no row yet: it listens to its buses before the first one. If this lasts, "
    "its log states why",
)
NEWEST_ROW_TOO_OLD = Code(
    "newest_row_too_old",
    "the newest row of the agent that serves {path} is {age_s:.0f} s old, more than {age_max_s:g} s: its log states "
    "why. Where devices are polled less often, use a longer --max-age",
)


def newest_row(paths: Sequence[Path], age_max_s: float, wait_s: float) -> float | Reason:
    """Age in seconds of the newest row of the agent that serves one of these sockets, or why there is none that is not
    older than `age_max_s`. Waits `wait_s` at most for a row."""
    path = paths[0]
    try:
        sock, path = connected(paths)
    except OSError as error:
        return LIVE_SOCKET_ABSENT(path=str(path), cause=cause_of(error))
    ages_s, answered, ended = [], False, time.monotonic() + wait_s
    with sock:
        for topic, age_s in _messages(sock, ended):
            answered = True
            if topic.rpartition("/")[2] in ROWS:
                ages_s.append(age_s)
                if age_s <= age_max_s:
                    return age_s
    if not answered:
        closed = time.monotonic() < ended
        return LIVE_SOCKET_CLOSED(path=str(path)) if closed else LIVE_SOCKET_SILENT(path=str(path), wait_s=wait_s)
    if not ages_s:
        return NO_ROW_YET(path=str(path))
    return NEWEST_ROW_TOO_OLD(path=str(path), age_s=min(ages_s), age_max_s=age_max_s)


def _messages(sock: socket.socket, ended: float) -> Iterator[tuple[str, float]]:
    """Topics and ages of the messages until this monotonic time, or until the connection ends; others are skipped."""
    rest = b""
    while len(rest) <= LINE_BYTES_MAX and (left_s := ended - time.monotonic()) > 0:
        sock.settimeout(left_s)
        chunk = b""
        with contextlib.suppress(OSError):
            chunk = sock.recv(CHUNK_BYTES)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        for text in lines:
            if (message := parsed(text)) is not None:
                yield message[0], message[1]
