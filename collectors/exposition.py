"""What a scraped target answers with, read as samples under our labels. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from collectors.samples import Labels, Sample, stamped
from kit.errors import Invalid
from metrics.described import About
from metrics.ports.exposition import delimited, text
from metrics.ports.exposition.found import Exposition, Head

OPEN_METRICS = "application/openmetrics-text"
PROTOBUF = "application/vnd.google.protobuf"


@dataclass
class Known:
    """What a target said before: it says the same again each time, but for the values."""

    ours: Mapping[str, str]
    heads: dict[str, Head] = field(default_factory=dict)
    labels: dict[Head, Labels] = field(default_factory=dict)
    told: list[tuple[str, About]] = field(default_factory=list)
    """What it said about its metrics the last time."""

    def under_our_labels(self, head: Head) -> Labels:
        """Return the labels of a series as we keep it."""
        found = self.labels.get(head)
        if found is None:
            found = self.labels[head] = stamped(head.name, dict(head.labels), self.ours)
        return found


def samples_of(body: bytes, kind: str, known: Known, *, most: int) -> list[Sample]:
    """Return the samples of an answer whose Content-Type is `kind`; refuse what is none."""
    if max(len(known.heads), len(known.labels)) > 2 * most:
        known.heads.clear()
        known.labels.clear()
    said = _read(body, kind, known, most)
    known.told = list(said.told())
    return [Sample(known.under_our_labels(one.head), one.value, one.at) for one in said.samples]


def _read(body: bytes, kind: str, known: Known, most: int) -> Exposition:
    media, _, parameters = kind.lower().partition(";")
    if media.strip() == PROTOBUF:
        if "encoding=delimited" not in parameters.replace(" ", ""):
            raise Invalid("protobuf that is not encoding=delimited")
        return delimited.parsed(body, most=most)
    try:
        words = body.decode()
    except UnicodeDecodeError:
        raise Invalid("the answer is not valid UTF-8") from None
    opened = media.strip() == OPEN_METRICS
    return text.parsed(words, open_metrics=opened, heads=known.heads, most=most)
