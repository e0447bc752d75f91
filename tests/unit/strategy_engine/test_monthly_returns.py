import numpy as np
import pandas as pd
import pytest

from strategy_engine.monthly_returns import monthly_returns


def test_months_are_those_of_pandas():
    index = pd.date_range("2019-11-20", periods=500, freq="17h", tz="UTC")
    equity = pd.Series(1_000.0 + np.random.default_rng(2).normal(0.0, 5.0, 500).cumsum(), index)
    table = monthly_returns(index.as_unit("ns").asi8, equity.to_numpy(), 990.0)
    last = equity.resample("ME").last()
    expected = pd.concat([pd.Series([990.0]), last]).pct_change().dropna()
    assert table.return_frac == pytest.approx(expected.to_numpy())
    assert list(zip(table.year, table.month, strict=True)) == [(day.year, day.month) for day in last.index]
    assert table.bars.sum() == 500


def test_a_month_without_a_bar_is_left_out_and_months_multiply_to_the_total():
    time = pd.DatetimeIndex(["2020-01-05", "2020-01-31", "2020-03-01"]).as_unit("ns").asi8
    table = monthly_returns(time, np.array([110.0, 120.0, 60.0]), 100.0)
    assert table.month.tolist() == [1, 3]
    assert np.prod(1.0 + table.return_frac) == pytest.approx(0.6)


def test_after_nothing_is_left_there_is_no_return():
    time = pd.DatetimeIndex(["2020-01-05", "2020-02-01"]).as_unit("ns").asi8
    table = monthly_returns(time, np.array([0.0, 0.0]), 100.0)
    assert table.return_frac[0] == -1.0
    assert np.isnan(table.return_frac[1])
