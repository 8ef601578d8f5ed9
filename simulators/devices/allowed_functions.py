"""Modbus functions that a simulated server accepts, and the log of all other functions that were requested.

Each other function adds one line to the file named by MAGWATT_FUNCTION_LOG. An empty file after a test run proves that
the run only read.
"""

from __future__ import annotations

import os

IDENTITY = frozenset({0x11, 0x2B})  # simulators/devices/identity.py
READING = frozenset({0x01, 0x02, 0x03, 0x04}) | IDENTITY
LOG_VARIABLE = "MAGWATT_FUNCTION_LOG"


def allowed(function: int, where: str) -> bool:
    """Return True if the function only reads; write any other function to the log, with the server that received it.

    Codes above 0x80 are not logged: they are exception responses of other devices, or echoes, on a shared line.
    """
    if function in READING:
        return True
    if function < 0x80:
        log_forbidden(function, where)
    return False


def log_forbidden(function: int, where: str) -> None:
    """Write a function that does more than read to the log, with the server that received it."""
    if path := os.environ.get(LOG_VARIABLE):
        # One short write in append mode: lines of several servers and processes do not mix.
        with open(path, "a", encoding="utf-8") as log:
            log.write(f"0x{function:02X} {where}\n")
