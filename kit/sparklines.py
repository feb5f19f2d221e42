"""Small lines without axes, for many on one page: drawn in a few dozen microseconds each."""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from kit.curves import Points, Runs, area, cut, edges, path, scale, thinned

Steps = NDArray[np.int64]

WIDTH, HEIGHT = 100, 26  # of the line's own grid, whatever its size on the page
MOST_POINTS = 256  # an hour at 15 seconds whole, and more than there are pixels
KEPT = 2048  # lines as text, of some 2.5 KB each
_FINE = 10  # coordinates have one decimal
_ACROSS = np.array([f"L{n / _FINE:.1f} " for n in range(WIDTH * _FINE + 1)], object)
_DOWN = np.array([f"{n / _FINE:.1f}" for n in range(HEIGHT * _FINE + 1)], object)
"""Every coordinate that there is in words: formatting is what would take the time."""
_kept: dict[tuple[bytes, str, float | None, float | None], Markup] = {}


def sparkline(
    *series: Points, title: str, low: float | None = None, high: float | None = None
) -> Markup:
    """Return series as small lines on one scale; classes s0, s1 … in order.

    What shows the same as lately is not drawn again.
    """
    key = _digest(series), title, low, high
    drawn = _kept.pop(key, None) or _drawn(series, title, low, high)
    _kept[key] = drawn  # the latest stand last
    if len(_kept) > KEPT:
        del _kept[next(iter(_kept))]
    return drawn


def _digest(series: Sequence[Points]) -> bytes:
    found = blake2b(digest_size=16)
    for each in series:
        found.update(len(each.times).to_bytes(8))
        found.update(each.times.tobytes())
        found.update(each.values.tobytes())
    return found.digest()


def _drawn(series: Sequence[Points], title: str, low: float | None, high: float | None) -> Markup:
    cuts = [thinned(*cut(each), MOST_POINTS) for each in series]
    known = [seen.values for seen, _ in cuts if len(seen.times)]
    bounds = [bound for bound in (low, high) if bound is not None]
    drawn = [seen.times for seen, _ in cuts if len(seen.times)]
    paths: list[str] = []
    if drawn:
        floor, ceiling = scale(known[0] if len(known) == 1 else np.concatenate(known), bounds)
        start, end = min(int(t[0]) for t in drawn), max(int(t[-1]) for t in drawn)
        for index, (seen, runs) in enumerate(cuts):
            across = (seen.times - start) * (WIDTH * _FINE / max(end - start, 1))
            down = (seen.values - floor) * ((HEIGHT - 2) * _FINE / (floor - ceiling))
            strokes = _strokes(_whole(across), _whole(down + (HEIGHT - 1) * _FINE), runs)
            if index == 0 and strokes:
                paths.append(area(strokes, bottom=HEIGHT))
            paths.append(path(strokes, f"line s{index}"))
    return Markup(
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img">'
        f"<title>{escape(title)}</title>{''.join(paths)}</svg>"
    )


def _whole(lengths: NDArray[np.floating[Any]]) -> Steps:
    found: Steps = np.rint(lengths).astype(np.int64)
    return found


def _strokes(across: Steps, down: Steps, runs: Runs) -> list[str]:
    """Return each run in words; of what lies level its ends alone."""
    level = (down[1:] == down[:-1]) & (runs[1:] == runs[:-1])
    kept = np.ones(len(down), np.bool_)
    kept[1:-1] = ~(level[1:] & level[:-1])
    across, down, begins = across[kept], down[kept], edges(runs[kept])
    words = np.empty(2 * len(across), object)
    words[::2], words[1::2] = _ACROSS[across], _DOWN[down]
    said = words.tolist()
    return ["".join(said[2 * begin : 2 * end])[1:] for begin, end in pairwise(begins)]
