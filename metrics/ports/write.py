"""The door for remote write, 1.0 and 2.0: which of them it is stands in Content-Type."""

from starlette.types import Scope

from kit.errors import Refusal, Unsupported
from metrics.batch import Appended
from metrics.ports.http import Door, Headers, Reply, SamplesRefused

ENCODINGS = (b"snappy", b"zstd")
"""zstd is vmagent's own, for the same messages."""
KIND = b"application/x-protobuf"
PORTS = {
    b"": "remote_write",
    b"prometheus.writerequest": "remote_write",
    b"io.prometheus.write.v2.request": "remote_write_2",
}
"""Decoders by the message that Content-Type names; none means the first, as it always did."""


class RemoteWrite(Door):
    """POST /prometheus/api/v1/write."""

    def port(self, scope: Scope, headers: Headers) -> str:
        """Take compressed protobuf of a message we know."""
        if headers.get(b"content-encoding", b"").strip().lower() not in ENCODINGS:
            raise Unsupported("Content-Encoding has to be snappy (zstd is taken, too)")
        port = _port(headers)
        if port is None:
            raise Unsupported(
                "Content-Type has to be application/x-protobuf, with proto= either "
                "prometheus.WriteRequest or io.prometheus.write.v2.Request"
            )
        if port == "remote_write" and _version(headers).startswith(b"2"):
            raise Unsupported("version 2 without proto=io.prometheus.write.v2.Request")
        return port

    def kept(self, scope: Scope, kept: Appended) -> Reply:
        """Return the answer to a request that was understood."""
        reply = super().kept(scope, kept)
        return Reply(reply.status, _written(scope, kept.samples), reply.body)

    def refused(self, scope: Scope, refusal: Refusal) -> Reply:
        """Return the answer to a request that is refused, in whole or in part."""
        reply = super().refused(scope, refusal)
        kept = refusal.facts["kept"] if isinstance(refusal, SamplesRefused) else 0
        return Reply(reply.status, reply.headers | _written(scope, kept), reply.body)


def _port(headers: Headers) -> str | None:
    kind, _, parameters = headers.get(b"content-type", b"").lower().partition(b";")
    if kind.strip() != KIND:
        return None
    given = dict(
        (name.strip(), value.strip(b' \t"'))
        for name, _, value in (one.partition(b"=") for one in parameters.split(b";"))
    )
    return PORTS.get(given.get(b"proto", b""))


def _version(headers: Headers) -> bytes:
    return headers.get(b"x-prometheus-remote-write-version", b"0.1.0")


def _written(scope: Scope, samples: object) -> Headers:
    """Return how much was written, as senders of 2.0 want to know exactly."""
    if _port(dict(scope["headers"])) != "remote_write_2":
        return {}
    return {
        b"x-prometheus-remote-write-samples-written": str(samples).encode(),
        b"x-prometheus-remote-write-histograms-written": b"0",
        b"x-prometheus-remote-write-exemplars-written": b"0",
    }
