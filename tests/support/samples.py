"""Building requests by hand, as senders of every kind write them."""

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from cramjam import snappy

from metrics.columns import Columns, Labels, labels_of
from metrics.ports.encode import delimited, label_bytes, varint

Points = Sequence[tuple[int, float]]


def series(name: str, **labels: str) -> Labels:
    """Return labels as a sender gives them."""
    return labels_of({"__name__": name, **labels})


def sample(at: int, value: float) -> bytes:
    """Return a sample field as Prometheus writes it: a zero is left out."""
    written = b"" if value == 0 else b"\x09" + struct.pack("<d", value)
    return delimited(2, written + b"\x10" + varint(at))


def timeseries(labels: Labels, points: Points) -> bytes:
    """Return a TimeSeries message."""
    return label_bytes(labels) + b"".join(sample(at, value) for at, value in points)


def request(*messages: bytes) -> bytes:
    """Return TimeSeries messages as a remote-write body."""
    return bytes(snappy.compress_raw(b"".join(delimited(1, one) for one in messages)))


def points(columns: Columns) -> dict[Labels, list[tuple[int, float]]]:
    """Return columns as a dict, for comparing."""
    return {
        labels: list(
            zip(
                columns.times[start:end].tolist(),
                columns.values[start:end].tolist(),
                strict=True,
            )
        )
        for labels, start, end in zip(
            columns.labels, columns.starts[:-1].tolist(), columns.starts[1:].tolist(), strict=True
        )
    }


def bits(found: Mapping[Labels, Points]) -> dict[Labels, list[tuple[int, int]]]:
    """Return values as bits, so that NaNs can be compared."""
    return {
        labels: [(at, int(np.float64(value).view(np.uint64))) for at, value in of]
        for labels, of in found.items()
    }
