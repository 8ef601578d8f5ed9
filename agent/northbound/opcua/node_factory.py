"""Creates and writes nodes in the address space of asyncua.

A node id is the path of the node: `ns=2;s=<site>/<gateway>/<motor>/<metric>`, in messages other than the telemetry
`…/<message>/<metric>`. Unit and range of a metric are one property node each, which the variables of all motors have in
common: they are half of the memory otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from asyncua import Server, ua
from asyncua.common.node import Node

from agent.northbound.opcua.unit_codes import unit_information
from drivers.vocabulary import metric_name_of, vocabulary

NAMESPACE = "urn:magwatt:motors"
_TELEMETRY = "telemetry"  # its metrics are directly below the motor


class Variable(NamedTuple):
    """unit: "": none."""

    name: str
    type: ua.VariantType
    about: str
    unit: str = ""


class NodeFactory:
    """server: initialized. index: of the namespace."""

    def __init__(self, server: Server, index: int) -> None:
        self._server, self._index = server, index
        self._ids: dict[str, ua.NodeId] = {}
        self._properties: dict[tuple[str, str], ua.NodeId] = {}
        self._ranges = {metric_name_of(name): (quantity.low, quantity.high) for name, quantity in vocabulary().items()}

    @staticmethod
    def now_s() -> float:
        return time.monotonic()

    async def add_motor(self, path: str, title: str, variables: Sequence[Variable]) -> None:
        """path: site, gateway and motor. title: that operators read."""
        parent = self._server.nodes.objects
        levels = path.split("/")
        for depth, name in enumerate(levels, 1):
            above = "/".join(levels[:depth])
            parent = await self._object(parent, above, name, title if depth == len(levels) else "")
        await self.add_variables(path, _TELEMETRY, variables)

    async def add_variables(self, path: str, kind: str, variables: Sequence[Variable]) -> None:
        """kind: message of the metrics."""
        parent = self._ids[path]
        if kind != _TELEMETRY and variables:
            node = await self._object(self._server.get_node(parent), f"{path}/{kind}", kind, "")
            parent = node.nodeid
        for variable in variables:
            key = _key(path, kind, variable.name)
            self._ids[key] = node_id = ua.NodeId(key, self._index)
            await self._add(parent, node_id, variable)

    async def write(self, path: str, kind: str, name: str, value: ua.DataValue) -> None:
        await self._server.write_attribute_value(self._ids[_key(path, kind, name)], value)

    async def _object(self, parent: Node, path: str, name: str, title: str) -> Node:
        if path not in self._ids:
            self._ids[path] = ua.NodeId(path, self._index)
            node = await parent.add_object(self._ids[path], ua.QualifiedName(name, self._index))
            if title:
                await self._server.write_attribute_value(
                    node.nodeid, ua.DataValue(ua.Variant(ua.LocalizedText(title), ua.VariantType.LocalizedText)),
                    ua.AttributeIds.DisplayName,
                )  # fmt: skip
        return self._server.get_node(self._ids[path])

    async def _add(self, parent: ua.NodeId, node_id: ua.NodeId, variable: Variable) -> None:
        low, high = self._ranges.get(variable.name, (None, None))
        ranged = variable.unit and low is not None and high is not None
        attributes = ua.VariableAttributes(
            DisplayName=ua.LocalizedText(variable.name), Description=ua.LocalizedText(variable.about, "en"),
            Value=ua.Variant(None, ua.VariantType.Null), DataType=ua.NodeId(variable.type.value),
            ValueRank=ua.ValueRank.Scalar, AccessLevel=ua.AccessLevel.CurrentRead.mask,
            UserAccessLevel=ua.AccessLevel.CurrentRead.mask,
        )  # fmt: skip
        kinds = ua.ObjectIds
        definition = kinds.BaseDataVariableType
        if variable.unit:
            definition = kinds.AnalogUnitRangeType if ranged else kinds.AnalogUnitType
        item = ua.AddNodesItem(
            ParentNodeId=parent, ReferenceTypeId=ua.NodeId(kinds.HasComponent), RequestedNewNodeId=node_id,
            BrowseName=ua.QualifiedName(variable.name, self._index), NodeClass=ua.NodeClass.Variable,
            NodeAttributes=attributes, TypeDefinition=ua.NodeId(definition),
        )  # fmt: skip
        (added,) = await self._server.iserver.isession.add_nodes([item])
        added.StatusCode.check()
        if variable.unit:
            await self._property(node_id, "EngineeringUnits", variable.unit, unit_information(variable.unit))
        if ranged:
            await self._property(node_id, "EURange", f"{low}…{high}", ua.Range(low, high))

    async def _property(self, owner: ua.NodeId, name: str, key: str, value: object) -> None:
        """The property with this value, which is created once."""
        node = self._server.get_node(owner)
        known = self._properties.get((name, key))
        if known is None:
            added = await node.add_property(ua.NodeId(f"{name}/{key}", self._index), ua.QualifiedName(name, 0), value)
            self._properties[(name, key)] = added.nodeid
        else:
            await node.add_reference(known, ua.ObjectIds.HasProperty, bidirectional=False)


def _key(path: str, kind: str, name: str) -> str:
    return f"{path}/{name}" if kind == _TELEMETRY else f"{path}/{kind}/{name}"
