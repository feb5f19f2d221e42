"""Requests that repeat former ones: whatever was learned, they read as if nothing had been."""

from hypothesis import given
from hypothesis import strategies as st

from metrics.labels import Limits
from metrics.ports.decode import Naming
from metrics.ports.remote_write import RemoteWriteDecoder
from metrics.series import Registry
from tests.support.samples import request, series, timeseries

AT = 1_790_000_000_000
FLEET = [series("cpu", host=f"h{number:03d}" * (1 + number % 40)) for number in range(12)]


async def _at_once() -> None:
    return


class Reader:
    """A decoder that has learned something, and one that starts anew each time."""

    def __init__(self) -> None:
        self.registry = Registry(Limits())
        naming = Naming(self.registry, lambda: {"house", "acme"}, drills=False)
        self.decoder = RemoteWriteDecoder(naming)

    async def read(self, body: bytes, client: str | None) -> list[tuple[object, int, float]]:
        got = await self.decoder.decode(body, client=client, arrived=AT, breathe=_at_once)
        labels = [self.registry.labels[ref] for ref in got.refs.tolist()]
        return list(zip(labels, got.times.tolist(), got.values.tolist(), strict=True))

    async def fresh(self, body: bytes, client: str | None) -> list[tuple[object, int, float]]:
        self.decoder.forget()
        return await self.read(body, client)


samples = st.tuples(
    st.integers(0, len(FLEET) - 1),
    st.sampled_from([0.0, 1.5, -2.0, 1e300]),
    st.sampled_from([AT, AT + 1, AT + 70_000, 5, -1, 0]),
)
bodies = st.tuples(st.lists(samples, max_size=15), st.sampled_from(["acme", None]))


@given(st.lists(bodies, min_size=2, max_size=6))
async def test_what_was_learned_changes_no_sample(
    sent: list[tuple[list[tuple[int, float, int]], str | None]],
) -> None:
    learned, anew = Reader(), Reader()
    for listed, client in [*sent, *sent]:
        body = request(*(timeseries(FLEET[of], [(at, value)]) for of, value, at in listed))
        assert await learned.read(body, client) == await anew.fresh(body, client)


async def test_a_layout_of_one_sender_says_nothing_of_another() -> None:
    reader = Reader()
    marked = series("cpu", client="acme")
    body = request(timeseries(marked, [(AT, 1.0)]), timeseries(FLEET[0], [(AT, 2.0)]))
    for client in ("acme", None, "acme", None, "acme", None):
        got = await reader.read(body, client)
        whose = [dict(labels)["client"] for labels, _, _ in got]  # type: ignore[call-overload]
        assert whose == ["acme", client or "house"]
