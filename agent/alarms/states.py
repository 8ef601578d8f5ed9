"""The state machine of one alarm, as a function: state, what happened, circumstances → state.

Source: ISA-18.2 / IEC 62682, alarm states; what differs is stated in docs/how-to/alarms.md.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.alarms.model import AlarmState, Change

NORM, UNACK, ACKED, RTNUN, SHLVD, DSUPR, OOSRV = AlarmState
LISTED = frozenset((UNACK, ACKED, RTNUN))  # states in which the operator sees the alarm among those that stand


class Circumstances(NamedTuple):
    """holds: the condition has been there for the on-delay, and was not gone for the off-delay.

    latching: of the definition. out_of_service, shelved: now. caused: it is a consequence of another alarm.
    safety: of that priority, which is never suppressed by a cause.
    """

    holds: bool
    latching: bool = False
    out_of_service: bool = False
    shelved: bool = False
    caused: bool = False
    safety: bool = False


def next_state(state: AlarmState, change: Change, now: Circumstances) -> AlarmState:
    """The state after a change; the same state where the change has no effect on it."""
    match change, state:
        case Change.RAISED, AlarmState.NORM:
            return _released(now)
        case (Change.RAISED, AlarmState.RTNUN) | (Change.RAISED_HIGHER, AlarmState.ACKED):
            return UNACK
        case Change.RETURNED, AlarmState.UNACK:
            return RTNUN
        case Change.RETURNED, AlarmState.ACKED:
            return RTNUN if now.latching else NORM
        case (Change.RETURNED, AlarmState.DSUPR) | (Change.ACKNOWLEDGED, AlarmState.RTNUN):
            return NORM
        case Change.ACKNOWLEDGED, AlarmState.UNACK:
            return ACKED
        case Change.SHELVED, _ if state is not OOSRV:
            return SHLVD
        case Change.SUPPRESSED, AlarmState.ACKED:
            return DSUPR
        case Change.OUT_OF_SERVICE, _ if state is not NORM:
            return OOSRV
        case (
            (Change.UNSHELVED | Change.SHELVING_ENDED, AlarmState.SHLVD)
            | (Change.SUPPRESSION_ENDED, AlarmState.DSUPR)
            | (Change.IN_SERVICE, AlarmState.OOSRV)
        ):
            return _released(now)
    return state


def is_announced(before: AlarmState, after: AlarmState, now: Circumstances) -> bool:
    """Whether the operator is notified: an alarm becomes unacknowledged. The announcement of a cause is that of its
    consequences, also of those that are on the list."""
    return after is UNACK and before is not UNACK and not (now.caused and (before is RTNUN or now.safety))


def _released(now: Circumstances) -> AlarmState:
    if now.out_of_service:
        return OOSRV
    if now.shelved:
        return SHLVD
    if not now.holds:
        return NORM
    return DSUPR if now.caused and not now.safety else UNACK
