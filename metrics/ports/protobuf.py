"""What upb does for us: a request split into messages that stay bytes, labels of a message.

The schemas are declared here and not generated; they say less than the messages hold.
"""

from collections.abc import Iterator, Sequence

from google.protobuf.message import DecodeError

from kit.errors import Invalid
from metrics.described import NOTHING, About, kind_of
from metrics.ports import wire
from metrics.ports.schemas import classes

FIELD_LEAST = 8
"""Bytes of a series or of words about one, at the least."""

_MESSAGES = classes(
    "langyan.write",
    {
        "Split": "1 timeseries bytes*",
        "Split2": "4 symbols bytes*; 5 timeseries bytes*",
        "Symbols": "4 symbols bytes*",
        "Label": "1 name string; 2 value string",
        "Head": "1 labels Label*",
        "Told": "3 metadata Metadata*",
        "Metadata": "1 type int32; 2 name string; 4 help string; 5 unit string",
        "Metadata2": "1 type int32; 3 help_ref uint32; 4 unit_ref uint32",
    },
)
_Split, _Split2, _Head = _MESSAGES["Split"], _MESSAGES["Split2"], _MESSAGES["Head"]
_Symbols = _MESSAGES["Symbols"]


def split(request: bytes) -> list[bytes]:
    """Return the TimeSeries messages of a WriteRequest."""
    try:
        return list(_Split.FromString(request).timeseries)
    except DecodeError:
        raise Invalid("the body is not a WriteRequest message") from None


def metadata(request: bytes) -> list[tuple[str, About]]:
    """Return what a WriteRequest says about metrics."""
    try:
        told = _MESSAGES["Told"].FromString(request).metadata
    except DecodeError:
        raise Invalid("the body is not a WriteRequest message") from None
    return [(one.name, About(kind_of(one.type), one.help, one.unit)) for one in told]


def metadata_2(message: bytes, symbols: Sequence[bytes]) -> About:
    """Return what the words about a metric say, with which a series of version 2.0 comes."""
    try:
        told = _MESSAGES["Metadata2"].FromString(message)
    except DecodeError:
        return NOTHING

    def text(ref: int) -> str:
        return symbols[ref].decode(errors="replace") if ref < len(symbols) else ""

    return About(kind_of(told.type), text(told.help_ref), text(told.unit_ref))


def split_2(request: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the symbols and the TimeSeries messages of a Request of remote write 2.0."""
    try:
        found = _Split2.FromString(request)
    except DecodeError:
        raise Invalid("the body is not a Request message of io.prometheus.write.v2") from None
    return list(found.symbols), list(found.timeseries)


def symbols_of(request: bytes) -> list[bytes]:
    """Return the symbols of a Request alone, for less than half of what `split_2` takes."""
    try:
        return list(_Symbols.FromString(request).symbols)
    except DecodeError:
        raise Invalid("the body is not a Request message of io.prometheus.write.v2") from None


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
    message.DiscardUnknownFields()  # samples would be written again behind the labels
    if message.SerializeToString() != head:
        return None
    return [(label.name, label.value) for label in message.labels]
