"""The hash by which Prometheus samples series: xxHash64 of their labels. Pure.

See https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md; the seed is 0.
"""

from collections.abc import Iterator

from metrics.columns import Labels

_ONE, _TWO, _THREE = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_FOUR, _FIVE = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_ALL = 0xFFFFFFFFFFFFFFFF
_SHORT = 255


def labels_hash(labels: Labels) -> int:
    """Return the hash of a series, the same on every machine and after every start."""
    ordered = sorted((name.encode(), value.encode()) for name, value in labels)
    return xxh64(b"".join(_sized(text) for pair in ordered for text in pair))


def xxh64(text: bytes) -> int:
    """Return the 64-bit hash of some bytes."""
    length = len(text)
    rest = length % 32
    mixed = _striped(text) if length >= 32 else _FIVE
    mixed = (mixed + length) & _ALL
    for word in _words(text[length - rest : length - rest % 8], 8):
        mixed = (_turned(mixed ^ _round(0, word), 27) * _ONE + _FOUR) & _ALL
    for word in _words(text[length - rest % 8 : length - rest % 4], 4):
        mixed = (_turned(mixed ^ (word * _ONE & _ALL), 23) * _TWO + _THREE) & _ALL
    for byte in text[length - rest % 4 :]:
        mixed = _turned(mixed ^ (byte * _FIVE & _ALL), 11) * _ONE & _ALL
    mixed = (mixed ^ mixed >> 33) * _TWO & _ALL
    mixed = (mixed ^ mixed >> 29) * _THREE & _ALL
    return mixed ^ mixed >> 32


def _striped(text: bytes) -> int:
    four = [(_ONE + _TWO) & _ALL, _TWO, 0, -_ONE & _ALL]
    for place, word in enumerate(_words(text[: len(text) // 32 * 32], 8)):
        four[place % 4] = _round(four[place % 4], word)
    mixed = sum(_turned(each, by) for each, by in zip(four, (1, 7, 12, 18), strict=True)) & _ALL
    for each in four:
        mixed = ((mixed ^ _round(0, each)) * _ONE + _FOUR) & _ALL
    return mixed


def _sized(text: bytes) -> bytes:
    if len(text) < _SHORT:
        return bytes([len(text)]) + text
    return bytes([_SHORT]) + len(text).to_bytes(3, "little") + text


def _words(text: bytes, size: int) -> Iterator[int]:
    return (int.from_bytes(text[at : at + size], "little") for at in range(0, len(text), size))


def _round(mixed: int, word: int) -> int:
    return _turned((mixed + word * _TWO) & _ALL, 31) * _ONE & _ALL


def _turned(word: int, by: int) -> int:
    return (word << by | word >> 64 - by) & _ALL
