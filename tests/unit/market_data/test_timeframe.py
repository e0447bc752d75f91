from itertools import pairwise
from typing import get_args

import pytest

from market_data.errors import DomainError
from market_data.timeframe import STEP_S, TIMEFRAMES, Timeframe, check_timeframe, step_ns


def test_every_timeframe_has_a_step_and_they_grow():
    assert tuple(STEP_S) == TIMEFRAMES == get_args(Timeframe)
    assert all(shorter < longer for shorter, longer in pairwise(STEP_S.values()))


def test_steps_in_ns():
    assert step_ns("1m") == 60_000_000_000
    assert step_ns("1w") == 604_800_000_000_000


@pytest.mark.parametrize("text", ["", "1D", "2h", "1d\n"])
def test_an_unknown_timeframe_is_refused_by_name(text):
    with pytest.raises(DomainError, match="a timeframe must be one of 1m, 5m"):
        check_timeframe(text)


def test_a_known_timeframe_is_returned():
    assert check_timeframe("4h") == "4h"
