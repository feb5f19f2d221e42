"""The hot ports: foreign protocols for samples, plain ASGI before any routing."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.types import ASGIApp

from kit.clock import Clock
from metrics.ports.http import Authorize, Sink
from metrics.ports.influx.door import Influx1, Influx2, Query, ping
from metrics.ports.otlp.door import Otlp
from metrics.ports.pushgateway import Groups, Pushgateway, healthy
from metrics.ports.samples import Samples
from metrics.ports.write import RemoteWrite
from metrics.pushed.gateway import Gateway

PORTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "/prometheus/api/v1/write": ("POST",),
        "/api/v1/samples": ("POST",),
        "/otlp/v1/metrics": ("POST",),
        "/influx/write": ("POST",),
        "/influx/api/v2/write": ("POST",),
        "/influx/query": ("GET", "POST"),
        "/influx/ping": ("GET", "HEAD"),
        "/pushgateway/metrics/{path}": ("PUT", "POST", "DELETE"),
        "/pushgateway/metrics": ("GET",),
        "/pushgateway/api/v1/metrics": ("GET",),
        "/pushgateway/api/v1/admin/wipe": ("PUT",),
        "/pushgateway/-/healthy": ("GET", "HEAD"),
        "/pushgateway/-/ready": ("GET", "HEAD"),
    }
)
"""Paths, and the methods that are spoken at them; `{path}` is all that follows."""


def ports(
    store: Sink, gateway: Gateway, authorize: Authorize, clock: Clock
) -> Mapping[str, ASGIApp]:
    """Return who answers at each path of `PORTS`."""
    groups = Groups(gateway, authorize, clock)
    return {
        "/prometheus/api/v1/write": RemoteWrite(store, authorize, clock),
        "/api/v1/samples": Samples(store, authorize, clock),
        "/otlp/v1/metrics": Otlp(store, authorize, clock),
        "/influx/write": Influx1(store, authorize, clock),
        "/influx/api/v2/write": Influx2(store, authorize, clock),
        "/influx/query": Query(store, authorize, clock),
        "/influx/ping": ping,
        "/pushgateway/metrics/{path}": Pushgateway(gateway, store, authorize, clock),
        "/pushgateway/metrics": groups,
        "/pushgateway/api/v1/metrics": groups,
        "/pushgateway/api/v1/admin/wipe": groups,
        "/pushgateway/-/healthy": healthy,
        "/pushgateway/-/ready": healthy,
    }
