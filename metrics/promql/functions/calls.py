"""Every function by its name."""

from metrics.promql.functions import (
    dates,
    elementwise,
    histograms,
    labels,
    ordering,
    over_time,
    rates,
    vectors,
)
from metrics.promql.functions.arguments import Functions

FUNCTIONS: Functions = {
    **dates.FUNCTIONS,
    **elementwise.FUNCTIONS,
    **histograms.FUNCTIONS,
    **labels.FUNCTIONS,
    **ordering.FUNCTIONS,
    **over_time.FUNCTIONS,
    **rates.FUNCTIONS,
    **vectors.FUNCTIONS,
}
