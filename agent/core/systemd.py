"""Status notifications to systemd (sd_notify(3)): one datagram each, without a library; no effect without systemd."""

from __future__ import annotations

import os
import socket
import time


def notify(**fields: str | int) -> bool:
    """Sends KEY=VALUE lines to the service manager; False when there is none. Never blocks, never raises."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where.startswith(("/", "@")):
        return False
    text = "\n".join(f"{key}={str(value).replace(chr(10), ' ')}" for key, value in fields.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            sender.sendto(text.encode(), f"\0{where[1:]}" if where.startswith("@") else where)
    except OSError:
        return False
    return True


def reloading() -> bool:
    """Reports the start of a reload; `notify(READY=1)` reports its end."""
    return notify(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000)


def watchdog_s() -> float | None:
    """Longest interval between two WATCHDOG=1 of this process; None when the watchdog is off."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        seconds = int(os.environ["WATCHDOG_USEC"]) / 1e6
    except (KeyError, ValueError):
        return None
    return seconds if seconds > 0 else None
