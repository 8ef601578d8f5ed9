"""Which Modbus functions a simulated server takes, and the record of every other one that somebody asked for.

The file named by MAGWATT_FUNCTION_LOG gets one line for each: a whole test run that leaves it empty has only read.
"""

from __future__ import annotations

import os

IDENTITY = frozenset({0x11, 0x2B})  # simulators/bus/nameplate.py
READING = frozenset({0x01, 0x02, 0x03, 0x04}) | IDENTITY
LOG_VARIABLE = "MAGWATT_FUNCTION_LOG"


def allowed(function: int, where: str) -> bool:
    """Whether it only reads. Any other function is written to the log, with the server that saw it.

    Above 0x80 nobody asks: that is another device's refusal, or an echo of one's own, heard on a shared line.
    """
    if function in READING:
        return True
    path = os.environ.get(LOG_VARIABLE)
    if path and function < 0x80:
        # One short write in append mode: lines of several servers and processes do not mix.
        with open(path, "a", encoding="utf-8") as log:
            log.write(f"0x{function:02X} {where}\n")
    return False
