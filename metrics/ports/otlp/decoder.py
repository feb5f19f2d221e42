"""OTLP metrics as classic series: gauges, sums, histograms, summaries.

What Prometheus makes of them, we make: `_bucket`, `_sum`, `_count`, names with units, `job` and
`instance` from the resource, and the rest of the resource in `target_info`. Deltas are added up
(`deltas`); exponential histograms are refused by name.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kit.errors import Invalid, TooLarge
from metrics.columns import NAME, STALE
from metrics.described import NOTHING, About
from metrics.ports.decode import (
    Breathe,
    Decoded,
    Gathering,
    Latest,
    Naming,
    columns,
    nothing_yet,
)
from metrics.ports.otlp import names
from metrics.ports.otlp.deltas import Deltas, as_totals
from metrics.ports.otlp.messages import (
    CUMULATIVE,
    DELTA,
    KEY_MOST,
    attributes,
    parsed,
    parts,
    point,
    resource,
)

BREATH = 500
NANOSECONDS = 1_000_000
NO_VALUE = 1
"""The flag of a point that says its series has ended."""
NAMESPACE, SERVICE, INSTANCE = "service.namespace", "service.name", "service.instance.id"
IDENTIFYING = frozenset({NAMESPACE, SERVICE, INSTANCE})
EXPONENTIAL_REFUSED = (
    "exponential histograms are not taken, send explicit buckets (for SDKs: "
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=explicit_bucket_histogram)"
)


@dataclass
class _Source:
    """A resource of one tenant: what all of its series have, and those that are known."""

    labels: dict[str, str]
    about: dict[str, str]
    """The labels of `target_info`, none if there is nothing to tell."""
    refs: dict[object, list[int]] = field(default_factory=dict)


@dataclass
class _Memory:
    """The resources of one tenant, by their bytes."""

    most: int
    sources: dict[bytes, _Source] = field(default_factory=dict)
    series: int = 0

    def source(self, message: bytes) -> _Source:
        """Return what is known of a resource."""
        if self.series > self.most or len(self.sources) > self.most:
            self.sources.clear()
            self.series = 0
        known = self.sources.get(message)
        if known is None:
            known = self.sources[message] = _source(resource(message))
        return known


class _Taking:
    """The columns of one request in the making."""

    def __init__(self, naming: Naming, client: str | None, arrived: int, memory: _Memory) -> None:
        self.refs: list[int] = []
        self.times: list[int] = []
        self.values: list[float] = []
        self.said = Gathering()
        self.deltas = Deltas()
        self.are_deltas = False
        self.newest = 0
        self.arrived = arrived
        self.memory = memory
        self._naming = naming
        self._client = client

    def add(self, given: Any, refs: list[int], values: Iterable[float]) -> None:
        """Take the samples of one data point."""
        at = given.time_unix_nano // NANOSECONDS or self.arrived
        self.newest = max(self.newest, at)
        if self.are_deltas:
            self.deltas.point(len(self.refs), len(refs))
        self.refs += refs
        self.times += [at] * len(refs)
        self.values += [STALE] * len(refs) if given.flags & NO_VALUE else values

    def named(self, source: _Source, key: object, series: Iterable[dict[str, str]]) -> list[int]:
        """Return the refs of series with these labels beside those of the source."""
        refs = [
            self._naming.ref(list({**labels, **source.labels}.items()), self._client)
            for labels in series
        ]
        source.refs[key] = refs
        self.memory.series += len(refs)
        return refs


class OtlpDecoder:
    """Decodes ExportMetricsServiceRequests; what cannot be taken is counted in data points.

    `latest` tells to what deltas are added.
    """

    def __init__(self, naming: Naming, latest: Latest = nothing_yet) -> None:
        self._naming = naming
        self._latest = latest
        self._memories: dict[str | None, _Memory] = {}

    def forget(self) -> None:
        """Drop what is remembered of senders' attributes."""
        self._memories.clear()

    async def decode(
        self, body: bytes, *, client: str | None, arrived: int, breathe: Breathe
    ) -> Decoded:
        """Return the samples of a request; a malformed one is refused as a whole."""
        if len(body) > self._naming.limits.body_bytes:
            raise TooLarge(f"{self._naming.limits.body_bytes} bytes are taken at once")
        metrics = await _metrics(body, breathe)  # all of it is understood before any is named
        series = self._naming.limits.series
        memory = self._memories.setdefault(client, _Memory(2 * series if client else 20 * series))
        taking = _Taking(self._naming, client, arrived, memory)
        sources = [memory.source(of) for of, _ in metrics]
        for source, (_, listed) in zip(sources, metrics, strict=True):
            taking.newest = 0
            told = [(metric.name, metric.about) for metric in listed if metric.why is None]
            self._naming.describe(client, told)
            for metric in listed:
                for start in range(0, len(metric.points), BREATH):
                    _take(taking, source, metric, metric.points[start : start + BREATH])
                    await breathe()
            _tell_of(taking, source)
        said, deltas = taking.said, taking.deltas
        found = columns(taking.refs, taking.times, taking.values)
        if not deltas:
            return Decoded(*found, said.refused, said.reason)
        found = await deltas.added_up(found, self._latest, said)
        totals = Decoded(*found, said.refused, said.reason)
        return await as_totals(totals, self._naming.labels_of(totals.refs))


@dataclass(frozen=True)
class _Metric:
    """One metric, its points parsed; `why` is set where none of them can be taken."""

    name: str
    kind: str
    points: list[Any]
    why: str | None = None
    about: About = NOTHING
    delta: bool = False


async def _metrics(body: bytes, breathe: Breathe) -> list[tuple[bytes, list[_Metric]]]:
    """Return the metrics of each resource, which stays bytes."""
    found: list[tuple[bytes, list[_Metric]]] = []
    for of_resource in (await parts("Request", body))[1]:
        head, scopes = await parts("ResourceMetrics", of_resource)
        listed = [
            await _metric(parsed("Metric", one), breathe)
            for scope in scopes
            for one in (await parts("ScopeMetrics", scope))[1]
        ]
        found.append((head.resource, listed))
    return found


POINTS = {
    "gauge": "NumberPoint",
    "sum": "NumberPoint",
    "histogram": "HistogramPoint",
    "summary": "SummaryPoint",
}


async def _metric(metric: Any, breathe: Breathe) -> _Metric:
    kind = metric.WhichOneof("kind") or "gauge"
    held, raw = await parts("Points", getattr(metric, kind))
    monotonic = kind == "sum" and held.is_monotonic
    gauge = kind == "gauge" or (kind == "sum" and not monotonic)
    if len(metric.name) > KEY_MOST or len(metric.unit) > KEY_MOST:
        return _Metric(metric.name[:80], kind, raw, "a name longer than is allowed")
    name = names.metric_name(metric.name, metric.unit, counter=monotonic, gauge=gauge)
    why = _refused(name, kind, held.aggregation_temporality)
    if why is not None:
        return _Metric(name, kind, raw, why)
    points: list[Any] = []
    for start in range(0, len(raw), BREATH):
        points += [point(POINTS[kind], one) for one in raw[start : start + BREATH]]
        await breathe()
    told = "gauge" if gauge else "counter" if kind == "sum" else kind
    about = About(told, metric.description, names.UNITS.get(metric.unit, metric.unit))
    delta = held.aggregation_temporality == DELTA
    return _Metric(name, kind, points, about=about, delta=delta)


def _refused(name: str, kind: str, temporality: int) -> str | None:
    if not name:
        return "a metric without a name"
    if kind == "exponential_histogram":
        return EXPONENTIAL_REFUSED
    if kind in ("sum", "histogram") and temporality not in (CUMULATIVE, DELTA):
        return "its temporality is not said"
    return None


def _take(taking: _Taking, source: _Source, metric: _Metric, points: list[Any]) -> None:
    """Take some points of a metric; those that are refused are counted."""
    if metric.why is not None:
        taking.said.refuse(metric.name, Invalid(metric.why), len(points))
        return
    take, taking.are_deltas = TAKERS[metric.kind], metric.delta
    for one in points:
        try:
            take(taking, source, metric.name, one)
        except Invalid as why:
            taking.said.refuse(metric.name, why)


def _take_number(taking: _Taking, source: _Source, name: str, given: Any) -> None:
    key = (name, *given.attributes)
    refs = source.refs.get(key)
    if refs is None:
        labels = {**names.labels_of(attributes(list(given.attributes))), NAME: name}
        refs = taking.named(source, key, [labels])
    kind = given.WhichOneof("value")
    if kind is None and not given.flags & NO_VALUE:
        raise Invalid("a data point without a value")
    taking.add(given, refs, [float(given.as_int if kind == "as_int" else given.as_double)])


def _take_histogram(taking: _Taking, source: _Source, name: str, given: Any) -> None:
    counts = list(given.bucket_counts)
    bounds = tuple(given.explicit_bounds) if counts else ()
    if len(counts) not in (0, len(bounds) + 1):
        raise Invalid(f"{len(counts)} buckets between {len(bounds)} bounds")
    if len(counts) > taking.memory.most:
        raise Invalid("too many buckets")
    summed = given.HasField("sum")
    key = (name, bounds, summed, *given.attributes)
    refs = source.refs.get(key)
    if refs is None:
        labels = names.labels_of(attributes(list(given.attributes)))
        refs = taking.named(source, key, _of_histogram(name, labels, bounds, summed=summed))
    taking.add(given, refs, [*_totals(counts, given.count), *([given.sum] if summed else ())])


def _of_histogram(
    name: str, labels: dict[str, str], bounds: tuple[float, ...], *, summed: bool
) -> Iterator[dict[str, str]]:
    for bound in bounds:
        yield {**labels, "le": names.number(bound), NAME: f"{name}_bucket"}
    yield {**labels, "le": "+Inf", NAME: f"{name}_bucket"}
    yield {**labels, NAME: f"{name}_count"}
    if summed:
        yield {**labels, NAME: f"{name}_sum"}


def _totals(counts: list[int], count: int) -> Iterator[float]:
    """Return how many values lie below each bound, below the last of all, and in all."""
    below = 0
    for one in counts[:-1]:
        below += one
        yield float(below)
    yield float(count)
    yield float(count)


def _take_summary(taking: _Taking, source: _Source, name: str, given: Any) -> None:
    quantiles = tuple(one.quantile for one in given.quantile_values)
    key = (name, quantiles, *given.attributes)
    refs = source.refs.get(key)
    if refs is None:
        labels = names.labels_of(attributes(list(given.attributes)))
        series = [{**labels, "quantile": names.number(q), NAME: name} for q in quantiles]
        more = [{**labels, NAME: f"{name}_count"}, {**labels, NAME: f"{name}_sum"}]
        refs = taking.named(source, key, [*series, *more])
    values = [one.value for one in given.quantile_values]
    taking.add(given, refs, [*values, float(given.count), given.sum])


TAKERS = {
    "gauge": _take_number,
    "sum": _take_number,
    "histogram": _take_histogram,
    "summary": _take_summary,
}


def _source(given: list[tuple[str, str]]) -> _Source:
    """Return what a resource means for its series."""
    of = dict(given)
    job = "/".join(filter(None, (of.get(NAMESPACE), of.get(SERVICE)))) if of.get(SERVICE) else ""
    labels = {"job": job, "instance": of.get(INSTANCE, "")}
    labels = {name: value for name, value in labels.items() if value}
    rest = names.labels_of(pair for pair in given if pair[0] not in IDENTIFYING)
    about = {**rest, NAME: "target_info"} if labels and rest else {}
    return _Source(labels, about)


def _tell_of(taking: _Taking, source: _Source) -> None:
    """Add the sample that carries the rest of a resource, at its newest point."""
    if not source.about or not taking.newest:
        return
    try:
        refs = source.refs.get(NAME) or taking.named(source, NAME, [source.about])
    except Invalid:
        return  # words about the sender: no data point is lost with them
    taking.refs += refs
    taking.times.append(taking.newest)
    taking.values.append(1.0)
