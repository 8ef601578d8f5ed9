"""Sparkplug B 3.0, chapter 6: message types by their field numbers, data types by their codes.

Created with protobuf's descriptor API in a separate pool: no generated file, and no conflict with another Sparkplug
library in the process. Types that the node does not use (data sets, templates, metadata) are omitted: protobuf skips
unknown fields.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from agent.delivery.reasons import SPARKPLUG_PAYLOAD_INVALID, SPARKPLUG_PAYLOAD_TOO_LARGE
from drivers.reasons import InvalidValue

INT32, INT64, DOUBLE, BOOLEAN, STRING, DOUBLE_ARRAY = 3, 4, 10, 11, 12, 31
PACKAGE = "magwatt.sparkplug"
SIZE_MAX = 65536  # bytes of a command; longer ones are not decoded

_KINDS = {"double": 1, "float": 2, "uint64": 4, "bool": 8, "string": 9, "message": 11, "bytes": 12, "uint32": 13}
_OPTIONAL, _REPEATED = 1, 3
_VALUES = (
    "int_value:uint32 long_value:uint64 float_value:float double_value:double boolean_value:bool string_value:string"
)
_MESSAGES: dict[str, list[tuple[str, int, str]]] = {
    "PropertyValue": [("type", 1, "uint32"), ("is_null", 2, "bool"), *(
        (name, 3 + n, kind) for n, (name, kind) in enumerate(item.split(":") for item in _VALUES.split())
    )],
    "PropertySet": [("keys", 1, "string*"), ("values", 2, "PropertyValue*")],
    "Metric": [
        ("name", 1, "string"), ("alias", 2, "uint64"), ("timestamp", 3, "uint64"), ("datatype", 4, "uint32"),
        ("is_historical", 5, "bool"), ("is_transient", 6, "bool"), ("is_null", 7, "bool"),
        ("properties", 9, "PropertySet"), *(
            (name, 10 + n, kind) for n, (name, kind) in enumerate(item.split(":") for item in _VALUES.split())
        ), ("bytes_value", 16, "bytes"),
    ],
    "Payload": [("timestamp", 1, "uint64"), ("metrics", 2, "Metric*"), ("seq", 3, "uint64"), ("uuid", 4, "string"),
                ("body", 5, "bytes")],
}  # fmt: skip


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="magwatt/sparkplug.proto", package=PACKAGE, syntax="proto2")
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        values = described.oneof_decl.add(name="value") if message in ("PropertyValue", "Metric") else None
        for name, number, kind in fields:
            plain = kind.rstrip("*")
            field = described.field.add(
                name=name, number=number, label=_REPEATED if kind.endswith("*") else _OPTIONAL,
                type=_KINDS.get(plain, _KINDS["message"]),
            )  # fmt: skip
            if plain in _MESSAGES:
                field.type_name = f".{PACKAGE}.{plain}"
            if values is not None and name.endswith("_value"):
                field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"{PACKAGE}.{name}") for name in _MESSAGES}
    return {name: message_factory.GetMessageClass(item) for name, item in found.items()}


Payload: Any = _classes()["Payload"]


def decoded(data: bytes) -> Any:
    """A received payload. Raises InvalidValue when it is not a Sparkplug payload."""
    if len(data) > SIZE_MAX:
        raise InvalidValue(SPARKPLUG_PAYLOAD_TOO_LARGE, size_bytes=len(data), limit_bytes=SIZE_MAX)
    try:
        return Payload.FromString(data)
    except (DecodeError, RecursionError, UnicodeError) as error:
        raise InvalidValue(SPARKPLUG_PAYLOAD_INVALID, error=str(error) or type(error).__name__) from None
