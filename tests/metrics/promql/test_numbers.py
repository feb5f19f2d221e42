"""Numbers and series as Prometheus writes them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.promql.numbers import labels_text, number_text, number_texts, whole_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (-0.0, "-0"),
        (1e6, "1000000"),
        (1.5e20, "150000000000000000000"),
        (1e21, "1e+21"),
        (0.00001234, "0.00001234"),
        (1e-6, "0.000001"),
        (1e-7, "1e-07"),
        (123456789.125, "123456789.125"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_numbers_are_written_as_prometheus_writes_them(value: float, text: str) -> None:
    assert number_text(value) == text


def test_a_scalar_is_written_without_an_exponent() -> None:
    assert number_text(1e-7, exponents=False) == "0.0000001"
    assert number_text(1e21, exponents=False) == "1" + "0" * 21


@given(st.floats(allow_nan=False))
def test_a_written_number_is_the_same_when_read(value: float) -> None:
    assert float(number_text(value)) == value


@given(st.lists(st.floats()))
def test_many_numbers_are_written_as_each_alone(values: list[float]) -> None:
    assert number_texts(np.array(values, np.float64)) == [number_text(value) for value in values]


def test_series_are_written_as_people_do() -> None:
    assert labels_text((("__name__", "up"), ("job", 'a"b'))) == r'up{job="a\"b"}'
    assert labels_text((("__name__", "up"),)) == "up"
    assert labels_text(()) == "{}"
    labels = (("__name__", "up"), ("a.b", "1"), ("job", 'a"b'))
    assert whole_text(labels) == r'{__name__="up", "a.b"="1", job="a\"b"}'
    assert whole_text(()) == "{}"
