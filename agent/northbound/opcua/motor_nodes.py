"""The nodes of one motor: created when a metric arrives for the first time, written when their value has changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from agent.core.metrics import by_name
from agent.delivery.base.metric_types import MetricType, metric_type, unit_of
from agent.delivery.followed_messages import FollowedMessage, MessageFollower
from agent.northbound.base.live_motors import AGE_S_MAX, VALUE_KINDS, alarm_summary, freshness
from agent.northbound.opcua.node_factory import NodeFactory, Variable
from agent.northbound.opcua.values import TYPES, Presence, data_value, time_of

METRICS_MAX = 1000  # of a motor; a broker could send any number of signals
TIME, STATE, ALARM, UNACKNOWLEDGED = "row_time", "state", "alarm_priority", "alarms_unacknowledged"
_OWN = (
    Variable(TIME, ua.VariantType.DateTime, "time of the newest row"),
    Variable(STATE, ua.VariantType.String, "online, stale, offline or maintenance"),
    Variable(ALARM, ua.VariantType.UInt16, "worst active alarm: 0 none, 1 low, 2 medium, 3 high, 4 safety"),
    Variable(UNACKNOWLEDGED, ua.VariantType.UInt16, "alarms that are not acknowledged"),
)


def path_of(topic: str) -> str:
    """Site, gateway and motor."""
    return "/".join(topic.split("/")[-3:])


class MotorNodes:
    """topic: of the motor. All methods are called in the event loop."""

    def __init__(self, topic: str, follower: MessageFollower, factory: NodeFactory) -> None:
        self.topic = topic
        self._follower, self._factory = follower, factory
        self._path = path_of(topic)
        self._kinds: dict[tuple[str, str], MetricType] = {}  # (message, metric) → type of its node
        self._sent: dict[tuple[str, str], tuple[Any, int]] = {}  # → value and status
        self._presence: dict[str, Presence] = {}
        self._last: dict[str, Mapping[str, Any]] = {}  # message type → the one that was written last
        self._ready = False

    async def update(self, kinds: set[str]) -> None:
        """Writes what changed. kinds: of the new messages."""
        followed = self._follower.seen.get(self.topic)
        if not self._ready:
            name = followed.messages.get("meta", {}).get("name") if followed else None
            await self._factory.add_motor(self._path, name if isinstance(name, str) else "", _OWN)
            self._ready = True
        for kind in VALUE_KINDS:
            message = followed.messages.get(kind) if followed else self._last.get(kind)
            if message is None:
                continue
            presence = self._presence_of(followed, kind) if followed else Presence.GONE  # the motor was removed
            if kind in kinds or presence is not self._presence.get(kind):
                self._presence[kind], self._last[kind] = presence, message
                await self._write_message(kind, message, presence)
        await self._write_own(followed)

    async def _write_message(self, kind: str, message: Mapping[str, Any], presence: Presence) -> None:
        if not isinstance(message.get("v"), dict):
            return
        new = [metric for metric in message["v"] if (kind, metric) not in self._kinds]
        if new:
            await self._add_nodes(kind, new)
        for metric in message["v"]:
            type_ = self._kinds.get((kind, metric))
            if type_ is not None:
                await self._write(kind, metric, data_value(message, metric, type_, presence))

    async def _add_nodes(self, kind: str, metrics: list[str]) -> None:
        """Nodes for the metrics of the table, and for their uncertainties; series and signals have none."""
        table, variables = by_name(kind), []
        for metric in metrics[: METRICS_MAX - len(self._kinds)]:
            row = table.get(metric) or table.get(metric.removesuffix("_u"))
            if row is None or (type_ := metric_type(row)) is MetricType.SERIES:
                continue
            self._kinds[(kind, metric)] = type_
            about = row.about if metric == row.name else f"expanded uncertainty (k = 2) of {row.name}"
            variables.append(Variable(metric, TYPES[type_], about, unit_of(row)))
        await self._factory.add_variables(self._path, kind, variables)

    async def _write_own(self, followed: FollowedMessage | None) -> None:
        messages = followed.messages if followed else {}
        level, unacknowledged = alarm_summary(self._follower.alarms.get(self.topic, {}))
        values = {
            TIME: (time_of(messages.get("telemetry", {})), ua.VariantType.DateTime),
            STATE: (messages.get("state", {}).get("state"), ua.VariantType.String),
            ALARM: (level, ua.VariantType.UInt16), UNACKNOWLEDGED: (unacknowledged, ua.VariantType.UInt16),
        }  # fmt: skip
        for name, (value, type_) in values.items():
            known = value is not None
            variant = ua.Variant(value, type_) if known else ua.Variant(None, ua.VariantType.Null)
            status = ua.StatusCode(ua.StatusCodes.Good if known else ua.StatusCodes.BadWaitingForInitialData)
            await self._write("telemetry", name, ua.DataValue(variant, status, SourceTimestamp=datetime.now(UTC)))

    async def _write(self, kind: str, name: str, found: ua.DataValue) -> None:
        """Only if value or status differ from what was written last."""
        sent = (found.Value.Value, found.StatusCode.value)
        if self._sent.get((kind, name)) != sent:
            self._sent[(kind, name)] = sent
            await self._factory.write(self._path, kind, name, found)

    def _presence_of(self, followed: FollowedMessage, kind: str) -> Presence:
        fresh = freshness(self._follower, followed)
        age_s = self._factory.now_s() - followed.received_s.get(kind, 0.0)
        if age_s > AGE_S_MAX[kind]:
            return Presence.GONE
        return Presence.LAST_USABLE if fresh.stale else Presence.PRESENT
