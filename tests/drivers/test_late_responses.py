"""How long the shape of a request without response stays taken, on a clock set by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from drivers.framing import Request
from drivers.late_responses import LOST_MIN, LateResponses
from drivers.response_matcher import ResponseMatcher
from drivers.rtu_framing import rtu_matcher

OTHER = Request(1, 3, 500, 7)


@dataclass
class Scene:
    """A link without a line. now_s: monotonic time."""

    in_order: bool
    now_s: float = 100.0
    pending: ResponseMatcher = field(default_factory=rtu_matcher)

    def __post_init__(self) -> None:
        self.late = LateResponses(self.pending, self.in_order)

    def send(self, request: Request) -> None:
        self.pending.open[request.shape] = request
        self.pending.sent_s = self.now_s

    def lose(self, request: Request) -> None:
        """A request whose response is missing at the end of its poll, 1 s later."""
        self.send(request)
        self.late.unanswered(request)
        self.now_s += 1.0
        self.late.expect()

    def answer(self, request: Request) -> None:
        self.send(request)
        self.now_s += 0.1
        self.pending.pop(request.shape)
        self.late.answered(request, request)

    def arrive_late(self, request: Request) -> None:
        self.pending.pop(request.shape)
        self.late.expire()

    def taken(self) -> set[int]:
        return self.late.taken(1, 3)


@pytest.fixture(params=[False, True], ids=["gateway", "serial"])
def scene(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(request.param)
    monkeypatch.setattr("drivers.late_responses.time", SimpleNamespace(monotonic=lambda: made.now_s))
    return made


def test_a_shape_is_taken_until_five_seconds_after_its_request(scene: Scene) -> None:
    scene.lose(Request(1, 3, 100, 4))
    scene.now_s += 3.9
    assert scene.taken() == {4}
    scene.now_s += 0.2
    assert scene.taken() == set()
    assert scene.late.count == 0


def test_a_late_response_frees_its_shape_and_extends_the_others(scene: Scene) -> None:
    first, second = Request(1, 3, 100, 4), Request(1, 3, 200, 6)
    scene.lose(first)
    scene.lose(second)
    scene.arrive_late(first)
    assert scene.taken() == {6}
    assert scene.late.count == 1
    scene.now_s += 4.9
    assert scene.taken() == {6}, "a device that queues requests has a growing delay"


def test_a_shape_of_another_unit_or_function_is_free(scene: Scene) -> None:
    scene.lose(Request(1, 3, 100, 4))
    assert scene.late.taken(2, 3) == scene.late.taken(1, 4) == set()


def never_late(scene: Scene, times: int = LOST_MIN) -> None:
    """Responses that were lost, each followed by responses to later requests."""
    for _ in range(times):
        scene.lose(Request(1, 3, 100, 4))
        scene.answer(OTHER)
        scene.now_s += 5.0
        scene.late.expire()


def test_a_later_response_frees_a_shape_on_a_serial_line_of_a_device_that_is_never_late(scene: Scene) -> None:
    never_late(scene)
    scene.lose(Request(1, 3, 100, 4))
    assert scene.taken() == {4}
    assert scene.late.to_overtake(Request(1, 3, 100, 4)) == (OTHER if scene.in_order else None)
    scene.answer(OTHER)
    assert scene.taken() == (set() if scene.in_order else {4})


def test_order_is_not_assumed_before_there_is_evidence(scene: Scene) -> None:
    never_late(scene, LOST_MIN - 1)
    scene.lose(Request(1, 3, 100, 4))
    scene.answer(OTHER)
    assert scene.taken() == {4}


def test_silence_of_a_device_that_is_switched_off_is_no_evidence(scene: Scene) -> None:
    for _ in range(LOST_MIN):
        scene.lose(Request(1, 3, 100, 4))
        scene.now_s += 5.0
        scene.late.expire()
    scene.lose(Request(1, 3, 100, 4))
    scene.answer(OTHER)
    assert scene.taken() == {4}


def test_one_late_response_ends_the_assumption(scene: Scene) -> None:
    never_late(scene)
    scene.lose(Request(1, 3, 100, 4))
    scene.answer(OTHER)
    scene.arrive_late(Request(1, 3, 100, 4))
    scene.lose(Request(1, 3, 100, 4))
    scene.answer(OTHER)
    assert scene.taken() == {4}
