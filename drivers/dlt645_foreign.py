"""Detects another master on a line with meters: by its requests, and by responses of meters that were not polled here.

The echo of our request is none of its requests: it precedes the response, once for each request.
"""

from __future__ import annotations

from drivers.dlt645_frames import FROM_METER, FUNCTION, PREAMBLE, MeterFrame, frames_in, is_addressed
from drivers.foreign_master import OWN_MAX, ForeignMasterDetector
from drivers.response_matcher import ResponseMatcher, Stray
from drivers.rtu_frames import OverheardRequest


class MeterTrafficDetector(ForeignMasterDetector):
    """As ForeignMasterDetector, with the frames of DL/T 645."""

    def before_request(self, pending: ResponseMatcher, frame: bytes) -> None:
        """Called immediately before `frame` is sent, after `rest_s`."""
        pending.begin(frame)
        self._own[frame[len(PREAMBLE) :]] = None
        self._units.update(found.unit for _, found in frames_in(frame))
        if len(self._own) > OWN_MAX:
            del self._own[next(iter(self._own))]

    def _add_frames(
        self, stray: Stray, pending: ResponseMatcher, requests: list[OverheardRequest],
        responses: list[tuple[int, int]], ended: bool, completed: bytes = b"",
    ) -> tuple[int, bool]:  # fmt: skip
        """Adds the frames of others in `stray`. Returns the end of the last one, and False: a frame is certain."""
        frames, end = frames_in(stray.data), 0
        for n, (at, frame) in enumerate(frames):
            end = frame.end
            function = frame.control & FUNCTION
            if frame.control & FROM_METER:
                if not any(is_addressed(frame.unit, unit) for unit in self._units):
                    responses.append((frame.unit, function))
                continue
            sent = stray.data[at:end]
            echo = PREAMBLE + sent
            if echo in pending.unechoed:
                del pending.unechoed[echo]
            elif sent not in self._own or _is_answered(frames, n):
                address = int.from_bytes(frame.data[:4], "little") if len(frame.data) >= 4 else None
                requests.append(OverheardRequest(end - at, frame.unit, function, address))
        return end, False


def _is_answered(frames: list[tuple[int, MeterFrame]], n: int) -> bool:
    """Whether the response to the request with this number follows."""
    request, following = frames[n][1], frames[n + 1 : n + 2]
    return any(
        frame.unit == request.unit and frame.control & (FROM_METER | FUNCTION) == request.control | FROM_METER
        for _, frame in following
    )
