"""A file of rule tests as promtool has it."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kit.durations import Duration

MINUTE = timedelta(minutes=1)
NOTHING = timedelta(0)


def _empty(kind: type[Any]) -> BeforeValidator:
    return BeforeValidator(lambda value: kind() if value is None else value)


Texts = Annotated[dict[str, str], _empty(dict)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InputSeries(_Part):
    """Samples that are there, one each `interval`."""

    series: str
    values: str


class ExpectedAlert(_Part):
    """An alert that has to fire."""

    exp_labels: Texts = Field(default_factory=dict)
    exp_annotations: Texts = Field(default_factory=dict)


class AlertTest(_Part):
    """What has to fire of one alert at one moment, and nothing else of it."""

    eval_time: Duration = NOTHING
    alertname: str
    exp_alerts: Annotated[list[ExpectedAlert], _empty(list)] = Field(default_factory=list)


class ExpectedSample(_Part):
    """A sample that a query has to give."""

    labels: Annotated[str, _empty(str)] = ""
    value: Annotated[str, _empty(str)] = "0"
    histogram: str = ""


class ExprTest(_Part):
    """What a query has to give at one moment."""

    expr: str
    eval_time: Duration = NOTHING
    exp_samples: Annotated[list[ExpectedSample], _empty(list)] = Field(default_factory=list)


class Case(_Part):
    """One test: its samples, and what is asked."""

    name: str = ""
    interval: Duration | None = None
    input_series: Annotated[list[InputSeries], _empty(list)] = Field(default_factory=list)
    alert_rule_test: Annotated[list[AlertTest], _empty(list)] = Field(default_factory=list)
    promql_expr_test: Annotated[list[ExprTest], _empty(list)] = Field(default_factory=list)
    external_labels: Texts = Field(default_factory=dict)
    external_url: str = ""


class TestFile(_Part):
    """A whole file."""

    __test__ = False  # no test case, whatever pytest thinks of the name

    rule_files: Annotated[list[str], _empty(list)] = Field(default_factory=list)
    evaluation_interval: Duration = MINUTE
    group_eval_order: Annotated[list[str], _empty(list)] = Field(default_factory=list)
    fuzzy_compare: bool = False
    tests: Annotated[list[Case], _empty(list)] = Field(default_factory=list)
