import math
import pickle
import re
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Le, Lt

from market_data.bounds import settle
from market_data.errors import DomainError


@dataclass(frozen=True, kw_only=True)
class Sample:
    count: Annotated[int, Ge(2), Lt(10)] = 5
    share: Annotated[float, Gt(0.0), Le(1.0)] = 0.5
    anything: float = 0.0
    kind: Literal["one", "two"] = "one"

    def __post_init__(self) -> None:
        settle(self)


@pytest.mark.parametrize(
    "fields",
    [{"count": 2}, {"count": 9}, {"share": 1.0}, {"share": 5e-324}, {"anything": -1e308}, {"kind": "two"}],
)
def test_values_on_the_edge_of_their_bounds_are_accepted(fields):
    sample = Sample(**fields)
    assert {name: getattr(sample, name) for name in fields} == fields


@pytest.mark.parametrize("fields", [{"count": 1}, {"count": 10}, {"share": 0.0}, {"share": math.nextafter(1.0, 2.0)}])
def test_values_just_beyond_their_bounds_are_refused(fields):
    with pytest.raises(DomainError):
        Sample(**fields)


@pytest.mark.parametrize("value", [True, np.True_, "3", None, 3.0, math.nan, [3], 3 + 0j])
def test_only_whole_numbers_are_integers(value):
    with pytest.raises(DomainError, match="count must be a whole number >= 2 and < 10, was"):
        Sample(count=value)


@pytest.mark.parametrize("value", [False, "0.5", None, math.nan, math.inf, -math.inf, 10**400, np.float64("nan"), 1j])
def test_only_finite_numbers_are_floats(value):
    with pytest.raises(DomainError, match="anything must be a finite number, was"):
        Sample(anything=value)


@pytest.mark.parametrize("value", ["three", 1, None, ["one"]])
def test_only_listed_texts_are_literals(value):
    with pytest.raises(DomainError, match="kind must be 'one' or 'two', was"):
        Sample(kind=value)


def test_an_error_says_what_was_expected_and_what_it_was_and_carries_its_code():
    with pytest.raises(DomainError) as caught:
        Sample(share=1.5)
    assert str(caught.value) == "share must be a finite number > 0 and <= 1, was 1.5"
    assert caught.value.code == "invalid_value"


def test_numpy_numbers_become_plain_ones():
    sample = Sample(count=np.int64(7), share=np.float32(0.25), anything=3)
    assert (type(sample.count), type(sample.share), type(sample.anything)) == (int, float, float)
    assert sample == Sample(count=7, share=0.25, anything=3.0)


def test_settled_parameters_survive_pickling():
    assert pickle.loads(pickle.dumps(Sample(count=3))) == Sample(count=3)


@dataclass(frozen=True)
class Other:
    pass


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Sample | None = None
    either: Sample | Other = Sample()
    several: tuple[Sample, ...] = ()
    is_on: bool = False
    most: Annotated[int, Ge(1)] | None = None

    def __post_init__(self) -> None:
        settle(self)


def test_parameters_hold_other_parameters_several_of_them_or_none():
    outer = Outer(
        inner=Sample(count=2), either=Other(), several=[Sample(), Sample(count=3)], is_on=True, most=np.int64(4)
    )
    assert outer.several == (Sample(), Sample(count=3))
    assert (outer.inner, outer.either, outer.is_on, outer.most) == (Sample(count=2), Other(), True, 4)
    assert Outer(inner=None, most=None) == Outer()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"inner": Other()}, "inner must be Sample or None, was Other"),
        ({"either": None}, "either must be Sample or Other, was None"),
        ({"either": {"count": 3}}, "either must be Sample or Other, was {'count': 3}"),
        ({"several": [Sample(), 1]}, "several must be Sample, was 1"),
        ({"several": Sample()}, "several must be several, each Sample, was Sample"),
        ({"is_on": 1}, "is_on must be true or false, was 1"),
        ({"most": 0}, "most must be a whole number >= 1 or None, was 0"),
    ],
)
def test_what_is_held_must_be_of_its_kind(fields, message):
    with pytest.raises(DomainError, match=re.escape(message)):
        Outer(**fields)
