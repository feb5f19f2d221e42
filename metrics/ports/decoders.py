"""The decoders of all ports, by the names under which the journal keeps their bodies."""

from collections.abc import Callable, Container
from typing import TypeAlias

from metrics.ports.decode import Decoder, Latest, Naming, nothing_yet
from metrics.ports.influx.decoder import InfluxDecoder
from metrics.ports.otlp.decoder import OtlpDecoder
from metrics.ports.remote_write import RemoteWriteDecoder
from metrics.ports.remote_write_2 import RemoteWrite2Decoder
from metrics.ports.samples import SamplesDecoder
from metrics.series import Registry

KnownClients: TypeAlias = Callable[[], Container[str]]


def decoders(
    registry: Registry, known_clients: KnownClients, latest: Latest = nothing_yet
) -> dict[str, Decoder]:
    """Return one decoder for each port; a name is for ever, journals are replayed by it."""
    naming = Naming(registry, known_clients, drills=False)
    drills = Naming(registry, known_clients, drills=True)
    return {
        "remote_write": RemoteWriteDecoder(naming),
        "remote_write_2": RemoteWrite2Decoder(naming),
        "influx": InfluxDecoder(naming),
        "otlp": OtlpDecoder(naming, latest),
        "samples": SamplesDecoder(naming),
        # our own drills and collectors: the only door that leaves the label `drill` alone
        "own": RemoteWriteDecoder(drills),
    }
