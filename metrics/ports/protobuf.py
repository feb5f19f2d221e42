"""What upb does for us: a request split into messages that stay bytes, labels of a message.

The schemas are declared here and not generated; they say less than the messages hold.
"""

from collections.abc import Iterator
from typing import Any

from cramjam import DecompressionError, snappy
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from kit.errors import Invalid, TooLarge
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
            declared.field.add(name=name, number=number, **given)

    text = {"type": _Field.TYPE_STRING, "label": _Field.LABEL_OPTIONAL}
    declare("Split", timeseries={"type": _Field.TYPE_BYTES, "label": _Field.LABEL_REPEATED})
    declare("Label", name=text, value=text)
    labels = {"label": _Field.LABEL_REPEATED, "type_name": ".langyan.Label"}
    declare("Head", labels={"type": _Field.TYPE_MESSAGE, **labels})
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _schema()


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"langyan.{name}"))


_Split, _Head = _class("Split"), _class("Head")


def unpacked_size(body: bytes, most: int) -> int:
    """Return how many bytes a snappy block holds, judged before it is unpacked."""
    try:
        size, _ = wire.varint(body, 0)
    except Invalid:
        raise Invalid("the body is not a snappy block") from None
    if size > most:
        raise TooLarge(f"{size} bytes unpacked, {most} are taken at once")
    if size > len(body) * 64:  # snappy's densest element makes 64 bytes of 3
        raise Invalid("the body is not a snappy block")
    return size


def unpack(body: bytes, room: bytearray) -> int:
    """Write a snappy block's content to `room`, which is large enough; return how much it is."""
    try:
        return int(snappy.decompress_raw_into(body, room))
    except DecompressionError:
        raise Invalid("the body is not a snappy block") from None


def unpacked(body: bytes) -> bytes:
    """Return a snappy block's content."""
    try:
        return bytes(snappy.decompress_raw(body))
    except DecompressionError:
        raise Invalid("the body is not a snappy block") from None


def split(request: bytes) -> list[bytes]:
    """Return the TimeSeries messages of a WriteRequest."""
    try:
        return list(_Split.FromString(request).timeseries)
    except DecodeError:
        raise Invalid("the body is not a WriteRequest message") from None


def pieces(request: bytes, size: int) -> Iterator[bytes]:
    """Cut a WriteRequest between its fields into requests of about `size` bytes."""
    begin = at = many = 0
    while at < len(request):
        many += 1
        if many > (at - begin) // FIELD_LEAST + 16:
            raise Invalid("the body is not a WriteRequest message: too many fields in it")
        tag, at = wire.varint(request, at)
        if tag & 7 != 2:
            raise Invalid("the body is not a WriteRequest message")
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
    message.DiscardUnknownFields()  # samples would be written again behind the labels
    if message.SerializeToString() != head:
        return None
    return [(label.name, label.value) for label in message.labels]
