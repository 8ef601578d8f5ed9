"""Requests of another master whose response was not received: a later response of the same shape may belong to them.

The shape is unit identifier, function and number of registers: a response repeats no more of its request. A response
that may belong to two requests with different addresses is not decoded.
"""

from __future__ import annotations

from msgspec import Struct, field

from drivers.framing import Request

LATE_MAX_S = 5.0  # no response is expected later than this after its request, as in drivers/late_responses.py
Shape = tuple[int, int]  # function, registers


class _Unit(Struct):
    """What is known of one unit.

    addresses: shape → addresses that the other master reads with it.
    missing: shape → addresses whose response may still arrive. any: also responses to requests that were not received.
    newest_s: monotonic time of the newest of them. responded_s: time of the last response since then; 0: none.
    """

    addresses: dict[Shape, set[int]] = field(default_factory=dict)
    missing: dict[Shape, set[int]] = field(default_factory=dict)
    any: bool = False
    newest_s: float = float("-inf")
    responded_s: float = 0.0

    def add(self, request: Request, now_s: float) -> None:
        self.missing.setdefault((request.function, request.registers), set()).add(request.address)
        self.newest_s = max(self.newest_s, now_s)

    def clear(self) -> None:
        self.missing, self.any = {}, False


class UnansweredRequests:
    """The requests without a response, of all units.

    They are discarded LATE_MAX_S after the last of them; or when the device has responded to a later request of a shape
    that only this request has, or to any and then nothing for its usual time: a serial device processes one request at
    a time, in order.
    """

    def __init__(self) -> None:
        self._units: dict[int, _Unit] = {}
        self._began_s = float("-inf")

    def add(self, request: Request, sent_s: float) -> None:
        """Another request followed before the response to this one."""
        unit = self._units[request.unit]
        unit.add(request, sent_s)
        unit.responded_s = 0.0

    def add_unknown(self, now_s: float, began: bool = False) -> None:
        """A request to any unit may not have been received. began: nothing was received until now."""
        if began:
            self._began_s = now_s
        for unit in self._units.values():
            unit.any, unit.newest_s, unit.responded_s = True, now_s, 0.0

    def on_request(self, request: Request, sent_s: float, drain_s: float) -> None:
        """A request.

        sent_s: earliest time at which it was sent. drain_s: time after a response in which the device would have sent
        the next one.
        """
        unit = self._units.get(request.unit)
        if unit is None:
            unit = self._units[request.unit] = _Unit()
            unit.any, unit.newest_s = sent_s - self._began_s < LATE_MAX_S, self._began_s
        unit.addresses.setdefault((request.function, request.registers), set()).add(request.address)
        drained = unit.responded_s and sent_s - unit.responded_s >= drain_s
        if drained or sent_s - unit.newest_s >= LATE_MAX_S:
            unit.clear()

    def on_response(self, request: Request, exception: bool, heard_s: float) -> bool:
        """Whether a response to this request may belong to another one; records it."""
        unit, shape = self._units[request.unit], (request.function, request.registers)
        unit.responded_s = heard_s
        if not (unit.missing or unit.any):
            return False
        if exception:  # it does not even repeat the number of registers
            return unit.any or any(function == request.function for function, _ in unit.missing)
        is_only = len(unit.addresses[shape]) == 1
        if is_only and heard_s - self._began_s >= LATE_MAX_S and shape not in unit.missing:
            unit.clear()
        ambiguous = bool(unit.missing.get(shape, set()) - {request.address}) or (
            unit.any and not (is_only and heard_s - self._began_s >= LATE_MAX_S)
        )
        if ambiguous:  # it was the response to one of them, not to all
            unit.missing.setdefault(shape, set()).add(request.address)
        return ambiguous

    def on_late_response(self, unit_id: int, function: int, registers: int, heard_s: float) -> bool:
        """Whether a response of this shape, which the last request does not have, was missing; records it."""
        unit = self._units.get(unit_id)
        if unit is None or not (unit.any or (function, registers) in unit.missing):
            return False
        unit.responded_s = heard_s
        return True
