"""Which responses may belong to a request whose response was not received."""

from __future__ import annotations

from drivers.framing import Request
from drivers.unanswered_requests import LATE_MAX_S, UnansweredRequests

A, B, OTHER = Request(1, 3, 0, 10), Request(1, 3, 100, 10), Request(1, 3, 0, 4)
BEGAN_S, NOW_S = 0.0, 100.0


def known(*requests: Request) -> UnansweredRequests:
    """A line on which these requests have had responses for a long time."""
    found = UnansweredRequests()
    found.add_unknown(BEGAN_S, began=True)
    for request in requests:
        found.on_request(request, NOW_S - 1.0, 0.1)
        assert not found.on_response(request, False, NOW_S - 0.9)
    return found


def test_a_response_of_the_same_shape_is_ambiguous_until_the_device_was_silent() -> None:
    line = known(A, B)
    line.add(A, NOW_S)
    line.on_request(B, NOW_S + 0.2, 0.1)
    assert line.on_response(B, False, NOW_S + 0.3)
    line.on_request(A, NOW_S + 0.35, 0.1)
    assert line.on_response(A, False, NOW_S + 0.4), "it may be that to B"
    line.on_request(B, NOW_S + 0.51, 0.1)
    assert not line.on_response(B, False, NOW_S + 0.6)


def test_a_response_of_another_shape_ends_the_doubt() -> None:
    line = known(A, B, OTHER)
    line.add(A, NOW_S)
    line.on_request(OTHER, NOW_S + 0.2, 0.1)
    assert not line.on_response(OTHER, False, NOW_S + 0.21)
    line.on_request(B, NOW_S + 0.22, 0.1)
    assert not line.on_response(B, False, NOW_S + 0.23)


def test_a_repeated_request_is_not_ambiguous() -> None:
    line = known(A, B)
    line.add(A, NOW_S)
    line.on_request(A, NOW_S + 0.2, 0.1)
    assert not line.on_response(A, False, NOW_S + 0.3)


def test_a_response_is_not_expected_after_five_seconds() -> None:
    line = known(A, B)
    line.add(A, NOW_S)
    line.on_request(B, NOW_S + LATE_MAX_S + 0.1, 0.1)
    assert not line.on_response(B, False, NOW_S + LATE_MAX_S + 0.2)


def test_after_an_unknown_request_only_shapes_of_several_requests_are_ambiguous() -> None:
    line = known(A, B, OTHER)
    line.add_unknown(NOW_S)
    line.on_request(B, NOW_S + 0.1, 0.1)
    assert line.on_response(B, False, NOW_S + 0.2)
    line.on_request(OTHER, NOW_S + 0.21, 0.1)
    assert not line.on_response(OTHER, False, NOW_S + 0.25)


def test_while_it_is_not_known_what_is_read_the_first_response_is_ambiguous() -> None:
    line = UnansweredRequests()
    line.add_unknown(NOW_S, began=True)
    line.on_request(A, NOW_S + 0.1, 0.1)
    assert line.on_response(A, False, NOW_S + 0.2)
    line.on_request(A, NOW_S + 0.4, 0.1)
    assert not line.on_response(A, False, NOW_S + 0.5)


def test_units_are_independent() -> None:
    line = known(A, Request(2, 3, 100, 10))
    line.add(A, NOW_S)
    other = Request(2, 3, 100, 10)
    line.on_request(other, NOW_S + 0.1, 0.1)
    assert not line.on_response(other, False, NOW_S + 0.2)
