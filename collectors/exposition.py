"""The text that a scraped target answers with, read as samples. Pure."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from collectors.samples import Sample, stamped
from kit.errors import Invalid


def samples_of(text: str, ours: Mapping[str, str], *, most: int) -> list[Sample]:
    """Return the samples of a text exposition (format 0.0.4) under our labels; refuse bad text."""
    found: list[Sample] = []
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                at = None if sample.timestamp is None else round(float(sample.timestamp) * 1000)
                labels = stamped(sample.name, sample.labels, ours)
                found.append(Sample(labels, float(sample.value), at))
                if len(found) > most:
                    raise Invalid(f"more than {most} samples")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise Invalid(f"not the text format: {error}") from error
    return found
