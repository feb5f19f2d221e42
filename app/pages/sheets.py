"""Lists as tables for spreadsheets: CSV that Excel reads, and no cell that it computes."""

import csv
import io
from collections.abc import AsyncIterable, Iterable, Sequence
from datetime import datetime

from starlette.responses import Response, StreamingResponse

MARK = "\ufeff"
"""With it in front, Excel reads Chinese."""


def lines(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as lines of CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([plain(cell) for cell in row] for row in rows)
    return text.getvalue()


def plain(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(value, datetime):
        return value.isoformat()
    text = "" if value is None else str(value)
    number = isinstance(value, int | float)
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") and not number else text


def sheet(parts: AsyncIterable[str], name: str) -> Response:
    """Answer with CSV, part by part, as a file of this name."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(parts, media_type="text/csv; charset=utf-8", headers=headers)
