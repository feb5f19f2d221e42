"""What upb does for us: a request split into messages that stay bytes, labels of a message.

The schemas are declared here and not generated; they say less than the messages hold.
"""

from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from kit.errors import Invalid
from metrics.ports import wire

FIELD_LEAST = 8
"""Bytes of a series or of words about one, at the least."""

_Field = descriptor_pb2.FieldDescriptorProto


def _schema() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="langyan/write.proto", package="langyan", syntax="proto3"
    )

    def declare(message: str, **fields: dict[str, Any]) -> None:
        declared = file.message_type.add(name=message)
        for number, (name, given) in enumerate(fields.items(), start=1):
            declared.field.add(**{"name": name, "number": number, **given})

    text = {"type": _Field.TYPE_STRING, "label": _Field.LABEL_OPTIONAL}
    apart = {"type": _Field.TYPE_BYTES, "label": _Field.LABEL_REPEATED}
    declare("Split", timeseries=apart)
    declare("Split2", symbols={"number": 4, **apart}, timeseries={"number": 5, **apart})
    declare("Label", name=text, value=text)
    labels = {"label": _Field.LABEL_REPEATED, "type_name": ".langyan.Label"}
    declare("Head", labels={"type": _Field.TYPE_MESSAGE, **labels})
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _schema()


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"langyan.{name}"))


_Split, _Split2, _Head = _class("Split"), _class("Split2"), _class("Head")


def split(request: bytes) -> list[bytes]:
    """Return the TimeSeries messages of a WriteRequest."""
    try:
        return list(_Split.FromString(request).timeseries)
    except DecodeError:
        raise Invalid("the body is not a WriteRequest message") from None


def split_2(request: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the symbols and the TimeSeries messages of a Request of remote write 2.0."""
    try:
        found = _Split2.FromString(request)
    except DecodeError:
        raise Invalid("the body is not a Request message of io.prometheus.write.v2") from None
    return list(found.symbols), list(found.timeseries)


def pieces(request: bytes, size: int, *, least: int = FIELD_LEAST) -> Iterator[bytes]:
    """Cut a message between its fields into messages of about `size` bytes.

    Fields of fewer than `least` bytes on average are refused.
    """
    begin = at = many = 0
    while at < len(request):
        many += 1
        if many > (at - begin) // least + 16:
            raise Invalid("the body is not such a message: too many fields in it")
        tag, at = wire.varint(request, at)
        if tag & 7 != 2:
            raise Invalid("the body is not such a message")
        length, at = wire.varint(request, at)
        at += length
        if at - begin >= size:
            yield request[begin:at]
            begin, many = at, 0
    yield request[begin:]


def label_pairs(head: bytes) -> list[tuple[str, str]] | None:
    """Return the labels if `head` is label fields and nothing else, in the usual form."""
    try:
        message = _Head.FromString(head)
    except DecodeError:
        return None
    if message.SerializeToString() != head:
        return None
    return [(label.name, label.value) for label in message.labels]
