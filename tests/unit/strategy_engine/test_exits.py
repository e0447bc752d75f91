import pytest

from market_data.errors import DomainError
from strategy_engine import Exits, FractionDistance, Rung


def rungs(*shares):
    return tuple(Rung(target=FractionDistance(frac=0.01 * (i + 1)), share=share) for i, share in enumerate(shares))


def test_a_ladder_may_leave_all_or_a_part():
    assert len(Exits(ladder=rungs(0.5, 0.25, 0.25)).ladder) == 3
    assert len(Exits(ladder=rungs(0.1, 0.2)).ladder) == 2


def test_a_ladder_cannot_leave_more_than_there_is():
    with pytest.raises(DomainError, match=r"shares of a ladder must add up to at most 1, was 1\.1"):
        Exits(ladder=rungs(0.6, 0.5))


def test_a_ladder_has_few_rungs():
    with pytest.raises(DomainError, match="at most 8 rungs, was 9"):
        Exits(ladder=rungs(*[0.1] * 9))


def test_a_stop_measured_in_the_risk_that_it_defines_is_refused():
    with pytest.raises(DomainError, match="stop_loss must be FractionDistance or AtrDistance or None"):
        Exits(stop_loss="3 %")
