"""Stretches of time as SVG: lanes one below the other over one axis, nights shaded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate, groupby
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from kit import axes
from kit.clock import from_milliseconds, milliseconds

TOP, NAME, BAR, THIN, BETWEEN, AXIS = 2, 20, 12, 4, 3, 26  # heights

LEAST = 0.006
"""A bar is at least so wide a part of the chart, or nobody would see it."""
FINEST = 400
"""What lies nearer than this part of the time is one bar: a row has at most so many of a tone."""
LETTERS = 52
"""So much of a lane's name fits on a phone; what is written in full width counts twice."""


@dataclass(frozen=True)
class Bar:
    """From when to when in ms; `tone` has its classes, for example `wait P1`."""

    start: int
    end: int
    tone: str
    thin: bool = False


@dataclass(frozen=True)
class Lane:
    """One thing over time; rows below each other are versions of it."""

    name: str
    rows: Sequence[Sequence[Bar]]

    @property
    def height(self) -> int:
        """How much room it takes."""
        return NAME + len(self.rows) * (BAR + BETWEEN) + BETWEEN


def bars(
    lanes: Sequence[Lane],
    *,
    title: str,
    text: str,
    zone: str,
    window: tuple[datetime, datetime],
    shades: Sequence[tuple[int, int]] = (),
    say: Callable[[datetime, datetime], str],
) -> Markup:
    """Return the lanes over `window`; `shades` lie behind all of them, `say` names a bar."""
    start, end = milliseconds(window[0]), milliseconds(window[1])
    drawing = _Drawing(start, max(end, start + 1), say)
    tops = list(accumulate((lane.height for lane in lanes), initial=TOP))
    bottom = tops[-1]
    placed = list(zip(lanes, tops, strict=False))
    parts = [
        *(
            f'<rect class="track" {where}/>'
            for lane, y in placed
            for where in drawing.tracks(lane, y)
        ),
        *(f'<rect class="shade" {drawing.across(*s)} y="0" height="{bottom}"/>' for s in shades),
        *(part for lane, y in placed for part in drawing.lane(lane, y)),
        *drawing.hours(bottom, ZoneInfo(zone)),
    ]
    return Markup(
        f'<svg class="chart bars" width="100%" height="{bottom + AXIS}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(text)}</desc>{''.join(parts)}</svg>"
    )


@dataclass(frozen=True)
class _Drawing:
    start: int
    end: int
    say: Callable[[datetime, datetime], str]

    def across(self, since: int, until: int, least: float = 0.0) -> str:
        """Return where a stretch lies; a short one is widened, and never past the end."""
        length = self.end - self.start
        first, last = (
            (min(max(at, self.start), self.end) - self.start) / length for at in (since, until)
        )
        width = max(last - first, least)
        return f'x="{min(first, 1 - width):.2%}" width="{width:.2%}"'

    def tracks(self, lane: Lane, y: int) -> Iterator[str]:
        """Yield where each row of a lane lies."""
        for number in range(len(lane.rows)):
            at = y + NAME + number * (BAR + BETWEEN)
            yield f'x="0" width="100%" y="{at}" height="{BAR}" rx="2"'

    def lane(self, lane: Lane, y: int) -> Iterator[str]:
        """Yield the name of a lane, and the bars of each row."""
        yield f'<text class="lane" x="0" y="{y + NAME - 6}">{escape(cut(lane.name))}</text>'
        for number, row in enumerate(lane.rows):
            at = y + NAME + number * (BAR + BETWEEN)
            for bar in joined(row, (self.end - self.start) // FINEST):
                words = self.say(from_milliseconds(bar.start), from_milliseconds(bar.end))
                down = (BAR - THIN) // 2 if bar.thin else 0
                yield (
                    f'<rect class="bar {escape(bar.tone)}" {self.across(bar.start, bar.end, LEAST)}'
                    f' y="{at + down}" height="{BAR - 2 * down}">'
                    f"<title>{escape(words)}</title></rect>"
                )

    def hours(self, bottom: int, zone: ZoneInfo) -> Iterator[str]:
        """Yield the axis."""
        for x, words in axes.hours(self.start, self.end, zone):
            yield (
                f'<line class="hour" x1="{x:.2%}" x2="{x:.2%}" y1="{bottom}" y2="{bottom + 5}"/>'
                f'<text class="hours" x="{x:.2%}" y="{bottom + AXIS - 6}">{words}</text>'
            )


def joined(row: Sequence[Bar], nearer: int) -> list[Bar]:
    """Return bars of which none lies nearer to the one before it of its tone than so many ms.

    In the order of the tones as they first come.
    """
    tones = {tone: place for place, tone in enumerate(dict.fromkeys(bar.tone for bar in row))}
    found: list[Bar] = []
    ordered = sorted(row, key=lambda bar: (tones[bar.tone], bar.start))
    for _, same in groupby(ordered, key=lambda bar: bar.tone):
        last: Bar | None = None
        for bar in same:
            if last is not None and bar.start - last.end < nearer:
                last = found[-1] = replace(last, end=max(last.end, bar.end))
            else:
                found.append(last := bar)
    return found


def cut(name: str) -> str:
    """Return as much of a name as a phone has room for."""
    room = LETTERS
    for place, letter in enumerate(name):
        room -= 2 if east_asian_width(letter) in "WF" else 1
        if room < 0:
            return name[: max(place - 1, 0)] + "…"
    return name
