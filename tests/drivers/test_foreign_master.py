"""Another master on the line: nothing is sent after its first complete request, and nothing else stops the polls."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from support.disturbed_line import ECHOES, DisturbedLine, polled
from support.fault_matrix import Line
from support.second_master import REQUESTS, SAME_BLOCK, Encounter, Sent, met

from drivers.errors import ForeignMasterActive

RATES_HZ = (0.05, 0.1, 0.33, 0.5, 1.0, 5.0)
PHASES = 2


def meet(meetings: dict[str, Encounter], seed: int) -> dict[str, Sent]:
    """All encounters at the same time."""

    async def all_of_them() -> list[Sent]:
        return await asyncio.gather(*(met(each, Random(f"{seed} {name}")) for name, each in meetings.items()))

    return dict(zip(meetings, asyncio.run(all_of_them()), strict=True))


def test_nothing_is_sent_after_the_first_complete_request_of_any_function() -> None:
    """At any time of the poll cycle."""
    chance = Random(18)
    meetings = {name: Encounter(request, 0.2, chance.uniform(0.1, 0.5), 0.8) for name, request in REQUESTS.items()}
    found = meet(meetings, 18)
    assert not {name: sent for name, sent in found.items() if sent.after}
    assert sum(sent.before for sent in found.values()) > len(found), "the agent polls"


def test_nothing_is_sent_at_all_when_a_master_is_received_while_listening() -> None:
    meetings = {
        name: Encounter(request, 0.5, 0.2 + 0.04 * n, 1.0, 0.5) for n, (name, request) in enumerate(REQUESTS.items())
    }
    found = meet(meetings, 19)
    assert not {name: sent for name, sent in found.items() if sent.before or sent.after}


def test_a_master_that_sends_the_same_request_stops_the_polls_after_a_few_of_its_own() -> None:
    """Its request can be taken for the echo of ours, as long as ours has no response because both collided."""
    meetings = {f"{n}": Encounter(SAME_BLOCK, 0.1, 0.1 + 0.02 * n, 1.5) for n in range(6)}
    for name, sent in meet(meetings, 20).items():
        assert sent.others_after >= 5, (name, sent)


@pytest.mark.soak
@pytest.mark.parametrize("listen_s", [0.0, 10.0])
def test_slow_and_fast_masters_at_many_phases(listen_s: float) -> None:
    """Mid-run (without listening) and at the start; the slowest sends its second request after 20 s."""
    chance = Random(5)
    for rate_hz in RATES_HZ:
        every_s = 1 / rate_hz
        for _ in range(PHASES):
            meetings = {
                name: Encounter(
                    request, every_s, 0.5 + chance.uniform(0, min(every_s, 12)), listen_s + 2 + every_s * 1.5, listen_s
                )
                for name, request in REQUESTS.items()
            }
            found = meet(meetings, chance.randrange(1 << 30))
            before, silent = (
                sum(sent.before for sent in found.values()),
                sum(not sent.before for sent in found.values()),
            )
            after = sum(sent.after for sent in found.values())
            print(
                f"{rate_hz} Hz, listening for {listen_s} s: {before} requests before the first foreign one, "
                f"{after} after it; none at all in {silent} of {len(found)}"
            )
            assert not {name: sent for name, sent in found.items() if sent.after}


def disturb(lines: int, exchanges: int, seed: int) -> None:
    """That many exchanges on each of the lines, at the same time."""
    made = [
        DisturbedLine((Line.RTU, Line.RTU_TCP)[n % 2], ECHOES[n // 2 % len(ECHOES)], seed + n) for n in range(lines)
    ]

    async def all_of_them() -> list[tuple[int, list[ForeignMasterActive]]]:
        return await asyncio.gather(*(polled(each, exchanges, seed + n) for n, each in enumerate(made)))

    found = asyncio.run(all_of_them())
    stops = [str(stop) for _, more in found for stop in more]
    asked, good = sum(len(each.line.asked) for each in made), sum(n for n, _ in found)
    print(f"{asked} exchanges on {lines} lines, {good} with a response, {len(stops)} stops")
    assert not stops
    assert asked >= 0.9 * lines * exchanges


def test_no_disturbance_stops_the_polls() -> None:
    disturb(2 * len(ECHOES), 20, 7)


@pytest.mark.soak
def test_no_disturbance_stops_the_polls_in_100_000_exchanges() -> None:
    disturb(8 * len(ECHOES), 2_500, 8)
