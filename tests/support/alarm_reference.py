"""One alarm, scanned second by second with counters and a table: the independent model of the alarm manager.

Source: table of transitions of ISA-18.2 / IEC 62682. It has no timers, no events and no code of the product.
"""

from __future__ import annotations

ON_S, OFF_S = 4, 3


class ReferenceAlarm:
    """An alarm with ON_S and OFF_S. state: after the last `second`. announced: number of announcements."""

    def __init__(self, latching: bool) -> None:
        self.state = "NORM"
        self.announced = 0
        self._latching = latching
        self._holds = False
        self._higher = False  # the second limit was exceeded in this occurrence
        self._counted_s = 0
        self._counting = ""
        self._level: int | None = None
        self._shelved, self._shelved_s = False, 0
        self._service = True

    def second(self, level: int | None, actions: list[str], in_service: bool) -> None:
        """One second later: level 0, 1 or 2, None: no data; what operators do; whether the motor is in service."""
        if self._level is not None and self._counting:
            self._counted_s += 1
        self._shelved_s = max(self._shelved_s - 1, 0)
        self._maintain(in_service)
        self._observe(level)
        for action in actions:
            self._act(action)
        self._end_delay()
        if self._shelved and not self._shelved_s:
            self._end_shelving()

    def _observe(self, level: int | None) -> None:
        self._level = level
        if level is None:
            return
        if not self._holds:
            counting = "on" if level else ""
        elif level:
            counting = "higher" if level == 2 and not self._higher else ""
        else:
            counting = "off"
        if counting != self._counting:
            self._counting, self._counted_s = counting, 0

    def _end_delay(self) -> None:
        if self._level is None or not self._counting:
            return
        if self._counted_s < (OFF_S if self._counting == "off" else ON_S):
            return
        ended, self._counting = self._counting, ""
        self._holds = ended != "off"
        if ended == "off":
            self._higher = False
            returned = "RTNUN" if self._latching else "NORM"
            self.state = {"UNACK": "RTNUN", "ACKED": returned}.get(self.state, self.state)
            return
        self._higher = self._level == 2
        if ended == "on" and self.state in ("NORM", "RTNUN"):
            if self.state == "NORM" and not self._service:
                self.state = "OOSRV"
            else:
                self._announce()
        elif ended == "higher" and self.state == "ACKED":
            self._announce()

    def _act(self, action: str) -> None:
        if action == "ack":
            self.state = {"UNACK": "ACKED", "RTNUN": "NORM"}.get(self.state, self.state)
        elif action == "unshelve":
            self._end_shelving()
        else:
            self._shelved, self._shelved_s = True, int(action)
            if self.state != "OOSRV":
                self.state = "SHLVD"

    def _end_shelving(self) -> None:
        self._shelved = False
        if self.state == "SHLVD":
            self._release()

    def _maintain(self, in_service: bool) -> None:
        before, self._service = self._service, in_service
        if before and not in_service and self.state != "NORM":
            self.state = "OOSRV"
        elif not before and in_service and self.state == "OOSRV":
            self._release()

    def _release(self) -> None:
        if not self._service:
            self.state = "OOSRV"
        elif self._shelved:
            self.state = "SHLVD"
        elif self._holds:
            self._announce()
        else:
            self.state = "NORM"

    def _announce(self) -> None:
        self.state = "UNACK"
        self.announced += 1
