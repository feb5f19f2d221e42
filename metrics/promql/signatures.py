"""What each function takes and gives. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an expression gives."""

    SCALAR = "scalar"
    VECTOR = "vector"
    MATRIX = "matrix"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Signature:
    """`optional` of the last arguments may be left out; `repeated`: the last may come again."""

    takes: tuple[Kind, ...]
    gives: Kind = Kind.VECTOR
    optional: int = 0
    repeated: bool = False

    def fits(self, count: int) -> bool:
        """Tell whether so many arguments can be given."""
        least = len(self.takes) - self.optional
        return count >= least and (self.repeated or count <= len(self.takes))


_SCALAR, _VECTOR, _MATRIX, _TEXT = Kind.SCALAR, Kind.VECTOR, Kind.MATRIX, Kind.STRING
_ELEMENTWISE = (
    *("abs", "ceil", "exp", "floor", "ln", "log10", "log2", "sgn", "sqrt", "deg", "rad"),
    *("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "sin", "sinh"),
    *("tan", "tanh"),
)
_OF_A_VECTOR = ("absent", "sort", "sort_desc", "timestamp")
_OF_A_RANGE = (
    *("rate", "increase", "delta", "irate", "idelta", "deriv", "changes", "resets"),
    *("avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time"),
    *("stddev_over_time", "stdvar_over_time", "mad_over_time", "last_over_time"),
    *("first_over_time", "present_over_time", "absent_over_time", "ts_of_first_over_time"),
    *("ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time"),
)
_OF_A_DATE = (
    *("year", "month", "day_of_month", "day_of_week", "day_of_year", "days_in_month"),
    *("hour", "minute"),
)
_OF_NATIVE_HISTOGRAMS = (
    *("histogram_avg", "histogram_count", "histogram_sum", "histogram_stddev"),
    "histogram_stdvar",
)

SIGNATURES: Mapping[str, Signature] = {
    **dict.fromkeys((*_ELEMENTWISE, *_OF_A_VECTOR), Signature((_VECTOR,))),
    **dict.fromkeys(_OF_NATIVE_HISTOGRAMS, Signature((_VECTOR,))),
    **dict.fromkeys(_OF_A_RANGE, Signature((_MATRIX,))),
    **dict.fromkeys(_OF_A_DATE, Signature((_VECTOR,), optional=1)),
    "clamp": Signature((_VECTOR, _SCALAR, _SCALAR)),
    "clamp_max": Signature((_VECTOR, _SCALAR)),
    "clamp_min": Signature((_VECTOR, _SCALAR)),
    "double_exponential_smoothing": Signature((_MATRIX, _SCALAR, _SCALAR)),
    "end": Signature((), _SCALAR),
    "histogram_fraction": Signature((_SCALAR, _SCALAR, _VECTOR)),
    "histogram_quantile": Signature((_SCALAR, _VECTOR)),
    "histogram_quantiles": Signature((_VECTOR, _TEXT, _SCALAR), repeated=True),
    "info": Signature((_VECTOR, _VECTOR), optional=1),
    "label_join": Signature((_VECTOR, _TEXT, _TEXT, _TEXT), optional=1, repeated=True),
    "label_replace": Signature((_VECTOR, _TEXT, _TEXT, _TEXT, _TEXT)),
    "max_of": Signature((_SCALAR, _SCALAR), _SCALAR),
    "min_of": Signature((_SCALAR, _SCALAR), _SCALAR),
    "pi": Signature((), _SCALAR),
    "predict_linear": Signature((_MATRIX, _SCALAR)),
    "quantile_over_time": Signature((_SCALAR, _MATRIX)),
    "range": Signature((), _SCALAR),
    "round": Signature((_VECTOR, _SCALAR), optional=1),
    "scalar": Signature((_VECTOR,), _SCALAR),
    "sort_by_label": Signature((_VECTOR, _TEXT), optional=1, repeated=True),
    "sort_by_label_desc": Signature((_VECTOR, _TEXT), optional=1, repeated=True),
    "start": Signature((), _SCALAR),
    "step": Signature((), _SCALAR),
    "time": Signature((), _SCALAR),
    "vector": Signature((_SCALAR,)),
}
