"""This host: processor, load, memory, disks, network and processes, under node_exporter's names.

Rates that PromQL cannot take yet are measured here and have names of our own.
"""

import platform
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from collectors.samples import Sample, labelled

PSEUDO = frozenset({"squashfs", "tmpfs", "devtmpfs", "overlay", "proc", "sysfs", "iso9660"})
LOOPBACK = "lo"


@dataclass
class Host:
    """Reads this machine; keeps the last counters, because a rate needs two looks."""

    instance: str = field(default_factory=platform.node)
    _network: tuple[int, int, int] | None = None
    _processor: tuple[float, float] | None = None

    def read(self, now_ms: int) -> list[Sample]:
        """Return this machine's samples; blocks for some milliseconds: call it in a thread."""
        rates = [*self._busy(), *self._traffic(now_ms)]
        found = [*_load(), *_memory(), *_disks(), *_processes(), *rates]
        ours = {"job": "host", "instance": self.instance}
        return [
            Sample(labelled(name, {**labels, **ours}), value, now_ms)
            for name, labels, value in found
        ]

    def _busy(self) -> Iterator["Reading"]:
        # psutil's own percentage remembers each thread apart: in a pool of them it says 0
        times = psutil.cpu_times()
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        idle = times.idle + getattr(times, "iowait", 0.0)
        total = sum(times) - guests  # they are counted in user time, too
        before, self._processor = self._processor, (idle, total)
        if before and total > before[1]:
            share = 1 - (idle - before[0]) / (total - before[1])
            yield "langyan_host_cpu_percent", {}, 100 * min(1.0, max(0.0, share))

    def _traffic(self, now_ms: int) -> Iterator["Reading"]:
        cards = psutil.net_io_counters(pernic=True)
        for card, counted in cards.items():
            yield "node_network_receive_bytes_total", {"device": card}, counted.bytes_recv
            yield "node_network_transmit_bytes_total", {"device": card}, counted.bytes_sent
        real = [counted for card, counted in cards.items() if card != LOOPBACK]
        received = sum(counted.bytes_recv for counted in real)
        sent = sum(counted.bytes_sent for counted in real)
        before, self._network = self._network, (now_ms, received, sent)
        if before and now_ms > before[0] and received >= before[1] and sent >= before[2]:
            seconds = (now_ms - before[0]) / 1000
            yield "langyan_host_receive_bytes_per_second", {}, (received - before[1]) / seconds
            yield "langyan_host_transmit_bytes_per_second", {}, (sent - before[2]) / seconds


Reading = tuple[str, dict[str, str], float]


def _load() -> Iterator[Reading]:
    one, five, fifteen = psutil.getloadavg()
    cores = psutil.cpu_count() or 1
    yield "langyan_host_cpu_cores", {}, cores
    yield "langyan_host_load1_per_cpu", {}, one / cores
    yield "node_load1", {}, one
    yield "node_load5", {}, five
    yield "node_load15", {}, fifteen


def _memory() -> Iterator[Reading]:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    yield "node_memory_MemTotal_bytes", {}, memory.total
    yield "node_memory_MemAvailable_bytes", {}, memory.available
    yield "node_memory_SwapTotal_bytes", {}, swap.total
    yield "node_memory_SwapFree_bytes", {}, swap.free
    yield "langyan_host_memory_percent", {}, memory.percent


def _disks() -> Iterator[Reading]:
    seen = set()
    mounts = [(p.mountpoint, p.device, p.fstype) for p in psutil.disk_partitions(all=False)]
    for mountpoint, device, kind in [*mounts, ("/", "root", "")]:
        if kind in PSEUDO or device in seen or mountpoint in seen:
            continue
        try:
            usage = psutil.disk_usage(mountpoint)
        except OSError:  # unmounted, or not ours to look at
            continue
        seen |= {device, mountpoint}
        labels = {"device": device, "mountpoint": mountpoint, "fstype": kind}
        yield "node_filesystem_size_bytes", labels, usage.total
        yield "node_filesystem_avail_bytes", labels, usage.free


def _processes() -> Iterator[Reading]:
    yield "langyan_host_processes", {}, len(psutil.pids())
    yield "node_boot_time_seconds", {}, psutil.boot_time()
