import math

import numpy as np
import pandas as pd
import pytest

from strategy_engine import BuyAndHold, SmaCross, run
from strategy_engine.tearsheet.series import charted, rolling_sharpe, rolling_window
from tests.unit.strategy_engine.price_series import random_bars


def test_rolling_sharpe_is_that_of_pandas():
    returns = pd.Series(np.random.default_rng(1).normal(0.0, 0.01, 300))
    rolling = returns.rolling(40)
    expected = rolling.mean() / rolling.std() * math.sqrt(252)
    assert rolling_sharpe(returns.to_numpy(), 40, 252.0) == pytest.approx(expected.to_numpy(), nan_ok=True)


def test_returns_that_do_not_vary_have_no_rolling_sharpe():
    assert np.isnan(rolling_sharpe(np.full(30, 0.001), 10, 252.0)).all()


@pytest.mark.parametrize(("bars", "window"), [(2, 10), (300, 60), (5_000, 126)])
def test_the_window_is_half_a_year_of_days_or_a_fifth_of_the_backtest(bars, window):
    assert rolling_window(bars) == window


def test_of_many_symbols_eight_get_a_chart():
    bars = random_bars(60, seed=1)
    many = [type(bars).trusted(**{**_columns(bars), "symbol": f"S{i}"}) for i in range(11)] + [bars]
    report = run(bars, BuyAndHold())
    assert [one.symbol for one in charted(many, report)] == ["TEST", "S0", "S1", "S10", "S2", "S3", "S4", "S5"]
    assert charted([bars], run(bars, SmaCross())) == [bars]


def _columns(bars):
    return {name: getattr(bars, name) for name in bars.__dataclass_fields__}
