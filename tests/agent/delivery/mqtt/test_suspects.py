"""Which message is blamed for the end of a connection."""

from __future__ import annotations

from agent.delivery.mqtt.suspects import Suspects

SHORTEST_KEEP_ALIVE_S = 5.0


def suspecting(published: int = 0) -> Suspects:
    """Row 7 was unconfirmed, with others, when the first connection ended."""
    suspects = Suspects()
    assert suspects.cause_of_end({5: 0.2, 7: 0.1, "g/m/meta": 0.3}, published) is None
    assert [key in suspects for key in (5, 7, "g/m/meta", 6)] == [True, True, True, False]
    return suspects


def test_the_only_unconfirmed_message_is_the_cause() -> None:
    suspects = suspecting()
    assert [suspects.cause_of_end({7: 0.1}, published) for published in (3, 3, 4)] == [(7, 1), (7, 2), (7, 3)]


def test_a_message_is_not_blamed_for_the_first_end() -> None:
    assert Suspects().cause_of_end({7: 0.1}, 100) is None


def test_one_of_several_unconfirmed_messages_is_not_blamed() -> None:
    assert suspecting().cause_of_end({7: 0.1, 9: 0.1}, 3) is None


def test_a_confirmed_message_is_acquitted() -> None:
    suspects = suspecting()
    suspects.acquit(7)
    assert suspects.cause_of_end({7: 0.1}, 3) is None


def test_a_broker_that_has_confirmed_no_row_since_has_another_reason() -> None:
    assert suspecting(published=50).cause_of_end({7: 0.1}, 50) is None


def test_a_connection_that_ends_because_nothing_is_confirmed_has_another_reason() -> None:
    assert suspecting().cause_of_end({7: SHORTEST_KEEP_ALIVE_S}, 3) is None


def test_their_number_is_limited() -> None:
    suspects = suspecting()
    for n in range(0, 100_000, 100):
        suspects.cause_of_end(dict.fromkeys(range(n, n + 100), 0.1), 0)
    assert len(suspects) <= 1000
    assert 99_999 in suspects
