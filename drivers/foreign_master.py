"""Detects another master on the line: by its requests, and by responses to requests that were not ours.

Slaves send only responses. The first complete request that is not ours therefore proves another master, and nothing is
sent from then on (`ForeignTraffic`) until no frame of another master was received for `BusSettings.quiet_s`, or until
an operator confirms that the other master was removed. Not all requests can be received: with four conductors, and from
a converter that serves several clients, only the responses to them arrive. These count if they come from a unit that
was never addressed here: RESPONSES of them within RESPONSES_S are a proof, too.

What is no proof: bytes that are no frame; the echo of our request, which precedes the response (ResponseMatcher); late
responses; a response of the requested function that looks like a request, as some private protocols have it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from drivers.error_reasons import (
    FOREIGN_METER_REQUESTS,
    FOREIGN_REQUESTS,
    FOREIGN_RESPONSES,
    FRAMES_NOT_REQUESTED,
    LINE_NEVER_SILENT,
    MORE_FRAMES,
)
from drivers.errors import ForeignMasterActive
from drivers.framing import READ_FUNCTIONS
from drivers.reading import Clock
from drivers.reasons import Reason
from drivers.response_matcher import PAUSE_S, ResponseMatcher, Stray
from drivers.rtu_frames import PLAIN, OverheardRequest, request_at, response_length

RESPONSES, RESPONSES_S = 3, 600.0
STRAY_MAX = 2  # bytes that the change of direction on the line adds before or after a frame
SETTLE_S = PAUSE_S  # silence after bytes that are no response to us
RESPONSE_S = 0.2  # silence after a possible request: its response would confirm it
LONGER_S = 0.5  # longest wait for the two
NEVER_SILENT_S = 1.0  # a line without silence for that long is in use by another master
FIRST = (6, 17, 22)  # functions in PLAIN that need no response if they are the first or the last bytes of a sequence
UNIT_MAX = 255
OF_METERS = (0x11, 0x12, 0x14)  # control codes of DL/T 645 that no request of Modbus with an address has
OWN_MAX = 1000  # different requests of ours that are remembered
SHOWN_MAX = 3  # different frames that a reason names


@dataclass(slots=True)
class ForeignTraffic:
    """What another master sent; while it is known, nothing is sent.

    since_ms: UTC of the first frame, in milliseconds.
    heard_s: monotonic time of the last frame, in seconds.
    requests: (unit, function, address or -1) → number of requests.
    responses: (unit, function) → number of responses to requests that were not received.
    """

    since_ms: int
    heard_s: float
    requests: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    responses: Counter[tuple[int, int]] = field(default_factory=Counter)
    _stated: tuple[int, Reason] | None = field(default=None, repr=False, compare=False)

    @property
    def count(self) -> int:
        """Number of frames."""
        return self.requests.total() + self.responses.total()

    def reason(self, target: str) -> Reason:
        """What was received, the most frequent frames first. It changes only when the number of frames has doubled.

        target: serial port, or host:port.
        """
        if self._stated is None or self.count >= 2 * self._stated[0]:
            self._stated = (
                self.count,
                FRAMES_NOT_REQUESTED(target=target, since_ms=self.since_ms, frames=tuple(self._frames())),
            )
        return self._stated[1]

    def _frames(self) -> Iterator[Reason]:
        shown = self.requests.most_common(SHOWN_MAX)
        for (unit, function, address), n in shown:
            if address >= 0 and (unit > UNIT_MAX or function in OF_METERS):
                yield FOREIGN_METER_REQUESTS(
                    meter=f"{unit:012d}", function=function, identifier=f"{address:08X}", n=n
                )  # fmt: skip
                continue
            yield FOREIGN_REQUESTS(unit_id=unit, function=function, address=address if address >= 0 else None, n=n)
        if others := self.requests.total() - sum(n for _, n in shown):
            yield MORE_FRAMES(n=others)
        if not shown:
            for (unit, function), n in self.responses.most_common(SHOWN_MAX):
                yield FOREIGN_RESPONSES(unit_id=unit, function=function, n=n)


class ForeignMasterDetector:
    """Detector of one bus; it outlives the connections. target: serial port, or host:port, for messages.

    traffic: what another master sent; None: no other master is known. It may be set to None from another thread.
    """

    def __init__(self, target: str, clock: Clock) -> None:
        self.traffic: ForeignTraffic | None = None
        self._target, self._clock = target, clock
        self._own: dict[bytes, None] = {}  # our requests
        self._units: set[int] = set()  # that we addressed
        self._responses: deque[tuple[float, tuple[int, int]]] = deque(maxlen=RESPONSES)

    def examine(self, pending: ResponseMatcher, silent_s: float) -> float:
        """Examines what was received since the last request. Returns the silence that it demands before the next one.

        silent_s: present silence. Raises ForeignMasterActive while another master is known.
        """
        possible = self._take_frames(pending, silent_s)
        if (traffic := self.traffic) is not None:
            raise ForeignMasterActive(traffic.reason(self._target))
        if not pending.buffer:
            return 0.0
        return RESPONSE_S if possible else SETTLE_S

    def rest_s(self, pending: ResponseMatcher, delay_s: float, silent_s: float, waited_s: float) -> float:
        """Examines what was received, and returns how long to wait before the next request; 0 or less: not at all.

        delay_s: minimum silence before a request. silent_s: present silence. waited_s: sum of the waits so far.
        Raises ForeignMasterActive, also if the line is never silent.
        """
        longer_s = self.examine(pending, silent_s)
        rest_s = max(delay_s, longer_s if waited_s <= LONGER_S else 0.0) - silent_s
        if rest_s > 0 and waited_s > NEVER_SILENT_S + delay_s:
            raise ForeignMasterActive(LINE_NEVER_SILENT, target=self._target)
        return rest_s

    def before_request(self, pending: ResponseMatcher, frame: bytes) -> None:
        """Called immediately before `frame` is sent, after `rest_s`."""
        pending.begin(frame)
        if frame not in self._own:
            self._own[frame] = None
            self._units.add(frame[0])
            if len(self._own) > OWN_MAX:
                del self._own[next(iter(self._own))]

    def listen_while_stopped(self, pending: ResponseMatcher, silent_s: float, quiet_s: float) -> None:
        """Examines what was received while another master is known. Raises ForeignMasterActive until it was quiet.

        silent_s: present silence. quiet_s: time without a frame of another master after which it counts as removed.
        """
        self._take_frames(pending, silent_s)
        if (traffic := self.traffic) is not None and self._now_s() - traffic.heard_s < quiet_s:
            raise ForeignMasterActive(traffic.reason(self._target))
        self.traffic = None

    def restart_quiet_time(self) -> None:
        """The line was not listened to until now."""
        if (traffic := self.traffic) is not None:
            traffic.heard_s = self._now_s()

    def _take_frames(self, pending: ResponseMatcher, silent_s: float) -> bool:
        """Records the frames of others, and removes them. Returns whether a longer silence could prove a request."""
        if not pending.strays and not pending.buffer:
            return False
        requests: list[OverheardRequest] = []
        responses: list[tuple[int, int]] = []
        for stray in pending.strays:
            self._add_frames(stray, pending, requests, responses, True, pending.sent)
        pending.strays.clear()
        ended = silent_s >= RESPONSE_S
        end, possible = self._add_frames(pending.unassigned, pending, requests, responses, ended)
        pending.discard(end)
        self._record(requests, responses)
        return possible

    def _record(self, requests: list[OverheardRequest], responses: list[tuple[int, int]]) -> None:
        now_s, traffic = self._now_s(), self.traffic
        if traffic is None:
            self._responses.extend((now_s, response) for response in responses)
            many = len(self._responses) == RESPONSES and now_s - self._responses[0][0] <= RESPONSES_S
            if not requests and not many:
                return
            responses = [response for _, response in self._responses] if many else responses
            self._responses.clear()
            traffic = self.traffic = ForeignTraffic(self._clock.utc_ns() // 1_000_000, now_s)
        if requests or responses:
            traffic.heard_s = now_s
        for request in requests:
            address = -1 if request.address is None else request.address
            traffic.requests[request.unit, request.function, address] += 1
        traffic.responses.update(responses)

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    def _add_frames(
        self, stray: Stray, pending: ResponseMatcher, requests: list[OverheardRequest],
        responses: list[tuple[int, int]], ended: bool, completed: bytes = b"",
    ) -> tuple[int, bool]:  # fmt: skip
        """Adds the frames of others in `stray`. Returns the end of the last, and whether a possible request follows.

        responses: of units that were never addressed here: (unit, function).
        ended: a silence or a response follows the last byte. completed: the request to which a response followed.
        """
        data, at, end, possible = stray.data, 0, 0, False
        while at + 4 <= len(data):
            request, length, waits = request_at(data, at), 0, False
            if request is not None:
                frame = data[at : at + request.length]
                if frame in pending.unechoed:
                    del pending.unechoed[frame]
                    length = request.length
                elif self._is_certain(request, stray, at, end, ended, pending):
                    requests.append(request)
                    length = request.length
                else:
                    waits = not ended
            if not length and not waits and (length := response_length(data, at)):
                unit, function = data[at], data[at + 1] & 0x7F
                if unit not in self._units and not pending.resembles_response(data[at : at + 3], completed):
                    responses.append((unit, function))
            possible = (waits and not pending.may_be_response(frame)) or (possible and not length)
            if length:
                end = at + length
            at += length or 1
        return end, possible

    def _is_certain(
        self, request: OverheardRequest, stray: Stray, at: int, end: int, ended: bool, pending: ResponseMatcher
    ) -> bool:  # fmt: skip
        """Whether a frame is a request of another master. end: of the frame before it. ended: as in _add_frames."""
        data, after = stray.data, at + request.length
        frame = data[at:after]
        if frame in self._own:  # a late echo, unless its response follows, which must not be one to us
            return not pending.expects(request.unit, request.function) and _response_follows(frame, data, after)
        if _response_follows(frame, data, after):
            return True
        if pending.may_be_response(frame):
            return False
        if request.function not in PLAIN or data.count(frame) > 1:
            return True
        first = at - max((pause for pause in stray.pauses if end < pause <= at), default=end) <= 1
        last = any(_ends_at(stray, place, ended) for place in (after, after + 1))
        return (first or last) if request.function in FIRST else (first and last)


def _ends_at(stray: Stray, at: int, ended: bool) -> bool:
    """Whether a sequence ends at this offset: a silence or a frame follows. ended: as in _add_frames."""
    data = stray.data
    if at in stray.pauses or (ended and at == len(data)):
        return True
    return request_at(data, at) is not None or response_length(data, at) > 0


def _response_follows(request: bytes, data: bytes, at: int) -> bool:
    """Whether the response to this request starts at this offset, or a few stray bytes later."""
    return any(
        data[start] == request[0]
        and data[start + 1] & 0x7F == request[1]
        and response_length(data, start)
        and (data[start + 1] not in READ_FUNCTIONS or data[start + 2] == 2 * request[5])
        for start in range(at, min(at + STRAY_MAX + 1, len(data) - 4))
    )
