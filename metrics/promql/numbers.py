"""Numbers and labels as Prometheus writes them. Pure."""

import math
import re
from decimal import Decimal

import numpy as np
import orjson
from numpy.typing import NDArray

from metrics.columns import NAME, Labels
from metrics.matchers import Matcher, Op

_PLAIN_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_GO_FLOAT = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE
)


def go_float(text: str) -> float | None:
    """Return the number that a text is for Go, None if it is none."""
    return float(text) if _GO_FLOAT.fullmatch(text) else None


def number_text(value: float, *, exponents: bool = True) -> str:
    """Return `value` as in Prometheus's JSON: shortest digits, an exponent only at the far ends.

    (Go's FormatFloat with 'f', and 'e' below 1e-6 and from 1e21; a scalar has no exponents.)
    """
    shown = repr(float(value))
    if "e" in shown:
        far = exponents and not 1e-6 <= abs(value) < 1e21
        return shown if far else format(Decimal(shown), "f").removesuffix(".0")
    if math.isfinite(value):
        return shown.removesuffix(".0")
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def number_texts(values: NDArray[np.float64]) -> list[str]:
    """Return numbers as `number_text` does, many at a time."""
    if not len(values):
        return []
    # the shortest digits, as Python and Go have them; only the far ends look different
    written = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    texts = (written[1:-1].decode() + ",").replace(".0,", ",").split(",")[:-1]
    if b"e" in written or b"n" in written:
        for place, text in enumerate(texts):
            if "e" in text or text == "null":
                texts[place] = number_text(float(values[place]))
    return texts


def labels_text(labels: Labels) -> str:
    """Return labels as a person writes a series: up{job="pos"}."""
    name = next((value for label, value in labels if label == NAME), "")
    others = ", ".join(str(Matcher(n, Op.EQUAL, v)) for n, v in labels if n != NAME)
    return f"{name}{{{others}}}" if others or not name else name


def whole_text(labels: Labels) -> str:
    """Return labels as Prometheus has them in messages: the name is one of them."""
    shown = (f"{_label_text(name)}={quoted(value)}" for name, value in labels)
    return f"{{{', '.join(shown)}}}"


def _label_text(name: str) -> str:
    return name if _PLAIN_LABEL.fullmatch(name) else quoted(name)


def short_text(value: float) -> str:
    """Return a number as Go prints it in messages (%g)."""
    shown = repr(float(value))
    far = "e" in shown and not 1e-4 <= abs(value) < 1e21
    return shown if far else number_text(value)


def open_metrics_text(value: float) -> str:
    """Return a number as OpenMetrics has it in labels: never without a point or an exponent."""
    shown = short_text(value)
    return shown if not shown.strip("-").isdigit() else f"{shown}.0"


def quoted(text: str) -> str:
    """Return a text between quotation marks, as Go prints it in messages (%q)."""
    shown = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{shown}"'
