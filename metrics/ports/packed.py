"""Bodies that come compressed: how much is in them is judged before they are unpacked."""

import zlib

from cramjam import DecompressionError, snappy, zstd

from kit.errors import Invalid, TooLarge
from metrics.ports import wire

ZSTD = b"\x28\xb5\x2f\xfd"
"""How each zstd frame begins; no snappy block does, its first element would copy from nothing."""
WINDOW_MOST = 25
"""Two to this power is how many bytes a zstd frame may look back, and so take of memory."""
GZIP = 31
"""What zlib calls a gzip member with its header."""
_SIZES = {0: 0, 1: 2, 2: 4, 3: 8}
_NAMES = {0: 0, 1: 1, 2: 2, 3: 4}


def unpacked_size(body: bytes, most: int) -> int:
    """Return how many bytes a snappy block or a zstd frame holds, before it is unpacked."""
    size = _frame_size(body) if body.startswith(ZSTD) else _block_size(body)
    if size > most:
        raise TooLarge(f"{size} bytes unpacked, {most} are taken at once")
    if not body.startswith(ZSTD) and size > len(body) * 64:
        raise Invalid("the body is not a snappy block")  # its densest element makes 64 bytes of 3
    return size


def _block_size(body: bytes) -> int:
    try:
        return wire.varint(body, 0)[0]
    except Invalid:
        raise Invalid("the body is not a snappy block") from None


def _frame_size(body: bytes) -> int:
    """Return the size that a frame's header tells (RFC 8878, section 3.1.1.1)."""
    described, at = body[4:5], 5
    flags = described[0] if described else 0
    whole, size = bool(flags & 0x20), _SIZES[flags >> 6]
    if not whole:
        window = body[at] >> 3 if len(body) > at else 0
        if window + 10 > WINDOW_MOST:
            raise TooLarge("the zstd frame looks back further than is allowed")
        at += 1
    at += _NAMES[flags & 3]
    size = size or int(whole)
    if not size or len(body) < at + size:
        raise Invalid("the zstd frame does not say how much it holds")
    return int.from_bytes(body[at : at + size], "little") + (256 if size == 2 else 0)


def unpack(body: bytes, room: bytearray) -> int:
    """Write the content of a body to `room`, which is large enough; return how much it is."""
    try:
        if body.startswith(ZSTD):
            return int(zstd.decompress_into(body, room))
        return int(snappy.decompress_raw_into(body, room))
    except DecompressionError:
        raise Invalid("the body is not a snappy block or a zstd frame") from None


def unpacked(body: bytes, size: int) -> bytes:
    """Return the content of a body that said it holds `size` bytes."""
    room = bytearray(size)
    return bytes(memoryview(room)[: unpack(body, room)])


def gunzipped(body: bytes, most: int) -> bytes:
    """Return the content of gzip members; more than `most` bytes are refused on the way."""
    found = bytearray()
    while body:
        member = zlib.decompressobj(GZIP)
        try:
            found += member.decompress(body, most + 1 - len(found))
        except zlib.error:
            raise Invalid("the body is not gzip") from None
        if len(found) > most:
            raise TooLarge(f"more than {most} bytes unpacked")
        if not member.eof:
            raise Invalid("the body is not gzip: it is cut short")
        body = member.unused_data
    return bytes(found)
