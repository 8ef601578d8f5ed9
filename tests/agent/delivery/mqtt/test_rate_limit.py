"""The rate of the backfill and the delays between connections, on a simulated clock."""

from __future__ import annotations

import random
from statistics import mean

import pytest

from agent.delivery.mqtt.backoff import Backoff, DisconnectReason
from agent.delivery.mqtt.rate_limit import BackfillRateLimiter

# docs/explanation/delivery.md, "The broker"
RATE_MIN, JITTER = 50.0, 0.2  # rows/s
STUCK_S, PROBE_RATE = 1.0, 1.0  # a confirmation that takes this long; rows/s from then on
LIMIT_S, REJECTED_S = (1.0, 120.0), (15.0, 600.0)  # first and largest
BURST_ROWS = 10  # below the 100 unconfirmed rows, of which half may be backfill


def granted(pacer: BackfillRateLimiter, seconds: float, step_s: float = 0.02, from_s: float = 0.0) -> int:
    return sum(pacer.grant(from_s + n * step_s, 50) for n in range(round(seconds / step_s)))


def test_a_backlog_is_sent_at_its_rate_with_jitter_and_without_bursts() -> None:
    pacer = BackfillRateLimiter(random.Random(1))
    assert granted(pacer, 100) == pytest.approx(100 * RATE_MIN, rel=0.02)
    pacer.grant(100.0, 0)
    assert pacer.grant(160.0, 1000) <= BURST_ROWS, "a minute of nothing does not pile up"
    seeds = {granted(BackfillRateLimiter(random.Random(seed)), 1) for seed in range(20)}
    assert len(seeds) > 1, "gateways do not send in step"
    assert max(seeds) <= RATE_MIN * (1 + JITTER) + BURST_ROWS


def test_the_backlog_rate_is_five_times_the_live_rate_if_that_is_more() -> None:
    pacer = BackfillRateLimiter(random.Random(1))
    for n in range(3000):
        pacer.on_live_rows(n * 0.1, 4)
    assert pacer.rate() == pytest.approx(200, rel=0.01)


def test_a_slow_broker_gets_half_the_rate_and_a_blocked_one_a_probe() -> None:
    pacer = BackfillRateLimiter(random.Random(1), 100.0)
    pacer.on_confirmed(0.5)
    assert granted(pacer, 20) == pytest.approx(1000, rel=0.03)
    pacer.on_waiting(STUCK_S + 1)
    assert granted(pacer, 20, from_s=20) <= 25, "the remaining tokens, and one probe per second"
    assert pacer.rate() == PROBE_RATE
    pacer.on_confirmed(0.01)
    assert pacer.rate() == 100.0, "the confirmation of the probe restores the rate"


def test_a_broker_that_requests_a_pause_gets_it() -> None:
    pacer = BackfillRateLimiter(random.Random(1), 100.0)
    pacer.pause(5.0, 30.0)
    assert granted(pacer, 35) == 0
    assert pacer.grant(35.1, 10) > 0


def test_full_jitter_below_a_limit_that_doubles() -> None:
    chance = random.Random(2)
    for _ in range(50):
        backoff = Backoff(chance)
        limits = [min(LIMIT_S[0] * 2**n, LIMIT_S[1]) for n in range(10)]
        for limit in limits:
            assert 0 <= backoff.delay_s(DisconnectReason.UNREACHABLE, 0.0) <= limit
        assert backoff.delay_s(DisconnectReason.LOST, 3600.0) <= LIMIT_S[0], "a long connection resets the limit"
    spread = [Backoff(random.Random(seed)).delay_s(DisconnectReason.LOST, 100.0) for seed in range(1000)]
    assert mean(spread) == pytest.approx(0.5, abs=0.05), "a thousand gateways reconnect evenly, not simultaneously"


def test_an_outage_is_extended_by_its_own_duration_at_most() -> None:
    for seed in range(200):
        backoff = Backoff(random.Random(seed))
        waited_s = backoff.delay_s(DisconnectReason.LOST, 3600.0)
        for _ in range(100):
            delay_s = backoff.delay_s(DisconnectReason.UNREACHABLE, 0.0)
            assert delay_s <= max(1.0, waited_s)
            waited_s += delay_s
        assert waited_s > 3600, "60 to 100 attempts in an hour"


def test_a_row_that_ends_four_connections_delays_rows_by_five_seconds_at_most_also_after_an_outage() -> None:
    chance = random.Random(3)
    for _ in range(200):
        backoff = Backoff(chance)
        for _ in range(12):
            backoff.delay_s(DisconnectReason.UNREACHABLE, 0.0)
        ends = [DisconnectReason.LOST, *(3 * [DisconnectReason.MESSAGE])]
        waits_s = []
        for end in ends:
            waits_s.append(backoff.delay_s(end, 0.5))
            assert not backoff.is_takeover_suspected(end, 0.5)
        assert sum(waits_s) <= 5
        assert all(backoff.delay_s(DisconnectReason.MESSAGE, 0.5) <= 4 for _ in range(20))


@pytest.mark.parametrize("end", [DisconnectReason.REFUSED, DisconnectReason.TAKEN_OVER])
def test_attempts_that_make_a_problem_worse_are_rare(end: DisconnectReason) -> None:
    backoff = Backoff(random.Random(1))
    waits = [backoff.delay_s(end, 5.0) for _ in range(12)]
    assert min(waits) >= REJECTED_S[0]
    assert waits[-1] >= REJECTED_S[1] / 2, "half of it is random"


def test_a_series_of_brief_connections_indicates_two_clients_with_one_identifier() -> None:
    backoff = Backoff(random.Random(1))
    seen = [backoff.is_takeover_suspected(DisconnectReason.LOST, stood_s) for stood_s in (1, 1, 100, 1, 1, 1, 1)]
    assert seen == [False] * 6 + [True]
