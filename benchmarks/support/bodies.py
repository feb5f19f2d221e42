"""Remote-write bodies of a fleet of hosts, as node_exporter would fill them; the same each time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from cramjam import snappy
from numpy.typing import NDArray

from metrics.columns import Labels, labels_of
from metrics.ports.encode import delimited, label_bytes, packed, varint

STEP_MS = 100
JITTER_MS = 3
"""Two scrapes of a target are never exactly so far apart as they should be."""


class Kind(StrEnum):
    """How a value moves."""

    NOTHING = "a counter of faults that do not happen"
    FIXED = "a size, a limit, a version"
    WHOLE = "a counter of bytes or packets"
    SECONDS = "a counter of seconds, to the hundredth"
    ROOM = "how much there is of memory, or of a disk"
    PAGES = "a gauge of what is left of it, in pages"
    READING = "a gauge with all its digits"


@dataclass(frozen=True)
class Family:
    """One metric of a host: one series for each value of a label."""

    name: str
    label: str
    count: int
    kind: Kind


FAMILIES = (
    *(Family("node_cpu_seconds_total", f"cpu{mode}", 16, Kind.SECONDS) for mode in range(4)),
    *(Family("node_cpu_seconds_total", f"idle{mode}", 16, Kind.NOTHING) for mode in range(4)),
    *(Family(f"node_network_{what}_total", "device", 10, Kind.WHOLE) for what in (
        "receive_bytes", "receive_packets", "transmit_bytes", "transmit_packets",
    )),
    *(Family(f"node_network_{what}_total", "device", 10, Kind.NOTHING) for what in (
        "receive_errs", "receive_drop", "receive_fifo", "receive_frame", "transmit_errs",
        "transmit_drop", "transmit_fifo", "transmit_colls", "transmit_carrier",
    )),
    *(Family(f"node_network_{what}", "device", 10, Kind.FIXED) for what in (
        "speed_bytes", "mtu_bytes", "up", "flags", "carrier", "iface_id",
    )),
    *(Family(f"node_disk_{what}_total", "device", 6, Kind.WHOLE) for what in (
        "read_bytes", "written_bytes", "reads_completed", "writes_completed",
    )),
    *(Family(f"node_disk_{what}_seconds_total", "device", 6, Kind.SECONDS) for what in (
        "io_time", "read_time", "write_time",
    )),
    Family("node_filesystem_size_bytes", "mountpoint", 12, Kind.ROOM),
    *(Family(f"node_filesystem_{what}", "mountpoint", 12, Kind.FIXED) for what in (
        "files", "readonly",
    )),
    *(Family(f"node_filesystem_{what}", "mountpoint", 12, Kind.PAGES) for what in (
        "avail_bytes", "free_bytes",
    )),
    Family("node_filesystem_device_error", "mountpoint", 12, Kind.NOTHING),
    *(Family(f"node_memory_{what}_bytes", "part", 1, Kind.PAGES) for what in (
        "MemAvailable", "MemFree", "Cached", "Buffers", "Active", "Inactive", "Slab", "Dirty",
    )),
    *(Family(f"node_memory_{what}_bytes", "part", 1, Kind.FIXED) for what in (
        "SwapTotal", "HardwareCorrupted", "Hugepagesize", "VmallocTotal",
    )),
    Family("node_memory_MemTotal_bytes", "part", 1, Kind.ROOM),
    Family("node_vmstat", "event", 71, Kind.WHOLE),
    Family("node_netstat", "event", 71, Kind.WHOLE),
    Family("node_netstat_fault", "event", 30, Kind.NOTHING),
    Family("node_schedstat_running_seconds_total", "cpu", 16, Kind.SECONDS),
    Family("node_cooling_device_cur_state", "name", 16, Kind.NOTHING),
    Family("node_scrape_collector_duration_seconds", "collector", 40, Kind.READING),
    Family("node_scrape_collector_success", "collector", 40, Kind.FIXED),
    Family("node_hwmon_temp_celsius", "sensor", 20, Kind.READING),
    Family("node_hwmon_temp_max_celsius", "sensor", 20, Kind.FIXED),
    Family("node_systemd_unit_state", "unit", 111, Kind.NOTHING),
    Family("node_systemd_unit_start_time_seconds", "unit", 120, Kind.FIXED),
)  # fmt: skip
PER_HOST = sum(family.count for family in FAMILIES)


def host(number: int) -> tuple[list[Labels], list[Kind]]:
    """Return the series of one host, and how each of them moves."""
    labels, kinds = [], []
    for family in FAMILIES:
        for place in range(family.count):
            named = {
                "__name__": family.name,
                family.label: f"{family.label}{place}",
                "instance": f"host{number:05d}.example.com:9100",
                "job": "node",
            }
            labels.append(labels_of(named))
            kinds.append(family.kind)
    return labels, kinds


class Body:
    """The request of a few hosts: its bytes stay, times and values are written over."""

    def __init__(
        self, labels: Sequence[Labels], kinds: Sequence[Kind], seed: int, *, version: int = 1
    ) -> None:
        self.samples = len(labels)
        self._seed = seed
        random = np.random.default_rng(seed)
        drawn, kind = random.random(len(labels)), np.array(kinds)
        self._values = _first(kind, drawn)
        self._pace = np.where(kind == Kind.WHOLE, np.ceil(drawn * 5_000), 0.0)
        self._pace += np.where(kind == Kind.SECONDS, np.round(drawn, 2), 0.0)
        self._pages, self._reading = kind == Kind.PAGES, kind == Kind.READING
        self._written = np.flatnonzero(kind != Kind.NOTHING)
        written = _message if version == 1 else _message_2
        self._message, times, values = written(labels, kind)
        self._times = times[:, np.newaxis] + np.arange(6)
        self._places = values[self._written, np.newaxis] + np.arange(8)

    def at(self, number: int, start_ms: int, step_ms: int = STEP_MS) -> bytes:
        """Return the body of a round, compressed; rounds differ in times and values alone."""
        random = np.random.default_rng((self._seed, number))
        values = self._values + number * self._pace
        values[self._pages] += 4096 * random.integers(0, 2_000, int(self._pages.sum()))
        values[self._reading] *= 1 + random.random(int(self._reading.sum())) / 10
        at = start_ms + number * step_ms + int(random.integers(0, JITTER_MS + 1))
        self._message[self._times] = np.frombuffer(varint(at), np.uint8)
        octets = values[self._written].astype("<f8").view(np.uint8).reshape(-1, 8)
        self._message[self._places] = octets
        return bytes(snappy.compress_raw(self._message.data))


def _first(kind: NDArray[np.str_], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values from which each series starts; only NOTHING is ever zero."""
    scale = {
        Kind.NOTHING: 0 * drawn,
        Kind.FIXED: np.ceil(drawn * 1e6),
        Kind.WHOLE: np.ceil(drawn * 1e9),
        Kind.SECONDS: np.ceil(drawn * 1e7) / 100,
        Kind.ROOM: np.full(len(drawn), 64.0 * 2**30),
        Kind.PAGES: 4096 * np.ceil(5e6 + drawn * 4e6),  # of that room about half is left
        Kind.READING: 0.001 + drawn,
    }
    return np.select([kind == one for one in scale], list(scale.values()))


def _message(
    labels: Sequence[Labels], kind: NDArray[np.str_]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Return a WriteRequest, and where the time and the value of each sample stand in it."""
    message, times, values = bytearray(), [], []
    for of, moves in zip(labels, kind, strict=True):
        value = b"" if moves == Kind.NOTHING else b"\x09" + bytes(8)  # proto3 leaves zeros out
        sample = delimited(2, value + b"\x10" + varint(1 << 41))
        message += delimited(1, label_bytes(of) + sample)
        times.append(len(message) - 6)
        values.append(len(message) - 15)
    return np.frombuffer(message, np.uint8).copy(), np.array(times), np.array(values)


def _message_2(
    labels: Sequence[Labels], kind: NDArray[np.str_]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Return the same as a Request of remote write 2.0, with words about each metric."""
    symbols: dict[str, int] = {"": 0}
    series: list[tuple[bytes, bytes, bytes]] = []
    for of, moves in zip(labels, kind, strict=True):
        refs = packed([symbols.setdefault(text, len(symbols)) for pair in of for text in pair])
        about = packed([0x08, 2, 0x18, symbols.setdefault(f"About {of[0][1]}.", len(symbols))])
        value = b"" if moves == Kind.NOTHING else b"\x09" + bytes(8)
        sample = delimited(2, value + b"\x10" + varint(1 << 41))
        series.append((delimited(1, refs), sample, delimited(5, about)))
    message, times, values = bytearray(), [], []
    for symbol in symbols:
        message += delimited(4, symbol.encode())
    for refs, sample, about in series:
        message += delimited(5, refs + sample + about)
        times.append(len(message) - len(about) - 6)
        values.append(len(message) - len(about) - 15)
    return np.frombuffer(message, np.uint8).copy(), np.array(times), np.array(values)


def template(
    labels: Sequence[Labels],
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Return a WriteRequest to write over, and where each time (6 bytes) and value (8) stands."""
    return _message(labels, np.full(len(labels), Kind.READING))


def fleet(series: int, per_body: int, *, version: int = 1) -> list[Body]:
    """Return the bodies of one round: together they hold each series of the fleet once.

    `version` is that of remote write.
    """
    hosts = [host(number) for number in range(-(-series // PER_HOST))]
    labels = [one for named, _ in hosts for one in named][:series]
    kinds = [one for _, moving in hosts for one in moving][:series]
    return [
        Body(
            labels[first : first + per_body],
            kinds[first : first + per_body],
            first,
            version=version,
        )
        for first in range(0, series, per_body)
    ]


def share(bodies: Sequence[Body], connections: int) -> Iterator[list[Body]]:
    """Yield what each connection sends: a series always goes the same way, so stays in order."""
    for number in range(connections):
        yield list(bodies[number::connections])
