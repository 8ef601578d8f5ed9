"""What is accepted as a response of Modbus TCP, and what is never accepted. The frames are assembled here."""

from __future__ import annotations

import struct

import pytest

from drivers.framing import Request, Response
from drivers.response_matcher import ResponseMatcher
from drivers.tcp_framing import tcp_request, tcp_scan

ASKED = Request(unit=2, function=3, address=100, registers=4)
GOOD = Response(ASKED, struct.pack(">4H", 1, 2, 3, 4))


def mbap(transaction: int, unit: int = 2, function: int = 3, words: tuple[int, ...] = (1, 2, 3, 4)) -> bytes:
    pdu = struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words)
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def want_tcp(zero_ids: bool | None = False) -> ResponseMatcher:
    return ResponseMatcher(tcp_scan, open={7: ASKED}, zero_ids=zero_ids)


def test_tcp_accepts_its_transaction_only() -> None:
    want = want_tcp()
    assert want.feed(mbap(6) + mbap(8) + mbap(7)) == GOOD


@pytest.mark.parametrize(
    "wrong",
    [mbap(6), mbap(7, unit=3), mbap(7, function=4), mbap(7, words=(1, 2)), mbap(0)],
    ids=["id", "unit", "function", "short", "zero"],
)
def test_tcp_never_accepted(wrong: bytes) -> None:
    assert want_tcp().feed(wrong) is None


def test_tcp_in_single_bytes() -> None:
    want, answer = want_tcp(), None
    for byte in mbap(5) + mbap(7):
        assert answer is None
        answer = want.feed(bytes([byte]))
    assert answer == GOOD


@pytest.mark.parametrize("stray", [b"\x01", b"\x00\x00\x00", b"\xff" * 8, b"\x00\x07\x00\x00\x00\xff\x02"])
def test_tcp_finds_its_response_after_stray_bytes(stray: bytes) -> None:
    want = want_tcp()
    answer = want.feed(stray + mbap(7)) or want.feed(b"")
    assert answer == GOOD


def test_transaction_zero_is_accepted_only_while_it_is_unknown_and_unambiguous() -> None:
    want = want_tcp(zero_ids=None)
    assert want.feed(mbap(0)) == GOOD
    assert want.zero_ids is True
    older = Request(2, 3, 300, 4)
    doubtful = ResponseMatcher(tcp_scan, open={7: ASKED}, late={6: older}, zero_ids=None)
    assert doubtful.feed(mbap(0)) is None, "it may be the older one's"


def test_behind_a_gateway_with_transaction_id_0_the_response_shape_decides() -> None:
    older = Request(2, 3, 300, 6)
    want = ResponseMatcher(tcp_scan, open={7: ASKED}, late={6: older}, zero_ids=True)
    assert want.feed(mbap(0, words=(9,) * 6) + mbap(0)) == GOOD
    assert want.late == {}


def test_a_request_is_that_of_the_standard() -> None:
    """Modbus messaging on TCP/IP implementation guide V1.0b, 3.1.3."""
    assert tcp_request(ASKED, 0x1234) == bytes.fromhex("1234 0000 0006 02 03 0064 0004")
