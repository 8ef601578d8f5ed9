"""The fault matrix for every master: good / WRONG / lost of ten polls."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from support.answer_check import Score, block_of
from support.fault_matrix import Fault, Line, faults
from support.scripted_slave import open_line

from benchmarks.peers import Lost, Make, masters, wire_of

POLLS = 10
AT_ONCE = 20  # almost all of the time is waiting
RETRY_S = 0.15


def torture(fault: Fault, kind: Line, make: Make) -> Score:
    line, score = open_line(kind, fault.script), Score()
    line.start()
    try:
        master = make(wire_of(line), kind)
        try:
            for poll in range(POLLS):
                block, since_s = block_of(poll), time.monotonic()
                try:
                    words = master.read(block)
                except Lost as error:
                    score.miss(error)
                    time.sleep(RETRY_S if "cut" in fault.name or "connection" in fault.name else 0)
                else:
                    score.take(words, block, since_s, line.asked)
        finally:
            master.close()
    finally:
        line.stop()
    return score


def matrix(kind: Line, say: Callable[[str], None]) -> dict[str, dict[str, Score]]:
    """Return master → fault → score; print the table."""
    rows = faults(kind)
    found: dict[str, dict[str, Score]] = {}
    for name, make in masters(kind).items():
        with ThreadPoolExecutor(AT_ONCE) as pool:
            scores = list(pool.map(lambda fault, make=make: torture(fault, kind, make), rows))
        found[name] = {fault.name: score for fault, score in zip(rows, scores, strict=True)}
    say(f"| {kind.value} | expected | " + " | ".join(found) + " |")
    say("|---|---|" + "---|" * len(found))
    for fault in rows:
        wanted = fault.expect.value
        say(f"| {fault.name} | {wanted} | " + " | ".join(str(scores[fault.name]) for scores in found.values()) + " |")
    wrong = " | ".join(str(sum(score.wrong for score in scores.values())) for scores in found.values())
    say(f"| **wrong values in total** | | {wrong} |")
    return found
