"""Records of the journal understood once more, by the decoders that understood them first."""

import logging
from collections.abc import Mapping

from kit.errors import Refusal
from metrics.journal import Journal, Record
from metrics.ports.decode import Breathe, Decoded, Decoder

log = logging.getLogger(__name__)


async def decoded_again(
    journal: Journal, record: Record, by_port: Mapping[str, Decoder], *, breathe: Breathe
) -> Decoded | None:
    """Return what a record holds; one that an earlier version took must not keep us down."""
    try:
        return await by_port[record.port].decode(
            record.body, client=record.client, arrived=record.arrived, breathe=breathe
        )
    except (Refusal, LookupError) as error:
        journal.damaged += 1
        log.error("journal: the record of %d ms is not understood: %r", record.arrived, error)
        return None
