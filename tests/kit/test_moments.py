"""Moments from outside: text with a zone, and nothing that has to be guessed at."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from kit.moments import Moment

MOMENTS: TypeAdapter[datetime] = TypeAdapter(Moment)


@pytest.mark.parametrize("written", ["2026-11-08T19:32:05+08:00", "2026-11-08T11:32:05Z"])
def test_a_moment_is_text_with_a_zone(written: str) -> None:
    assert MOMENTS.validate_python(written) == datetime(2026, 11, 8, 11, 32, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "written", [0, 0.5, 1_794_180_725, "1794180725", "-0.5", "+5", " 5 ", "2026-11-08T11:32:05", ""]
)
def test_a_count_of_seconds_or_a_time_of_no_zone_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        MOMENTS.validate_python(written)
