"""Strips of time as lists of coloured cells, one after the other; each says what it stands for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import Markup, escape

from app.pages.history import Cell
from kit import wording
from kit.i18n import t


@dataclass(frozen=True)
class Strips:
    """Draws the strips of one page; what is calm is put into words once for all of them."""

    locale: str
    zone: str
    now: datetime
    _calm: dict[tuple[datetime, datetime], str] = field(default_factory=dict)

    def __call__(self, cells: Sequence[Cell], words: str) -> Markup:
        """Return a strip of at least one cell; `words` say which time it covers."""
        parts = "".join(
            self._burnt(cell) if cell.priority else self._unburnt(cell) for cell in cells
        )
        ends = (
            f"<span>{escape(self._at(cells[0]))}</span><span>{escape(self._until(cells[0]))}</span>"
        )
        return Markup(
            f'<ol class="past" aria-label="{escape(words)}">\n{parts}</ol>\n'
            f'<p class="past-ends">{ends}</p>\n'
        )

    def _unburnt(self, cell: Cell) -> str:
        key = cell.since, cell.until
        if key not in self._calm:
            said = escape(t("past.calm", self.locale, at=self._at(cell)))
            self._calm[key] = f'  <li class="calm" title="{said}"></li>\n'
        return self._calm[key]

    def _burnt(self, cell: Cell) -> str:
        said = escape(
            t(
                "past.burnt",
                self.locale,
                at=self._at(cell),
                priority=t(f"priority.{cell.priority}", self.locale),
                length=wording.duration(cell.burnt, self.locale),
                n=cell.times,
            )
        )
        hidden = f'<span class="hidden">{said}</span>'
        return f'  <li class="{cell.priority}" title="{said}">{hidden}</li>\n'

    def _at(self, cell: Cell) -> str:
        if cell.month:
            return f"{cell.since:%Y-%m}"
        if cell.whole_days:
            return wording.day(cell.since, self.locale, self.zone, now=self.now)
        return wording.moment(cell.since, self.locale, self.zone, now=self.now, seconds=False)

    def _until(self, cell: Cell) -> str:
        key = "this_month" if cell.month else "today" if cell.whole_days else "now"
        return t(f"past.{key}", self.locale)
