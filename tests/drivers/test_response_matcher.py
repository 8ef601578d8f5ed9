"""The buffer of received bytes."""

from __future__ import annotations

from drivers.framing import Request
from drivers.response_matcher import ResponseMatcher
from drivers.rtu_framing import rtu_matcher
from drivers.tcp_framing import tcp_scan

ASKED = Request(unit=2, function=3, address=100, registers=4)


def test_the_buffer_stays_small() -> None:
    for want in (rtu_matcher({ASKED.shape: ASKED}), ResponseMatcher(tcp_scan, open={7: ASKED})):
        for _ in range(100):
            want.feed(bytes(range(256)))
        assert len(want.buffer) <= 1024


def test_bytes_of_no_response_are_kept_on_a_line_of_which_another_master_may_be_part() -> None:
    rtu, tcp = rtu_matcher(), ResponseMatcher(tcp_scan)
    for want in (rtu, tcp):
        want.feed(b"\xff" * 20)
        want.clear()
    assert (b"".join(stray.data for stray in rtu.strays), tcp.strays) == (b"\xff" * 20, [])
