import numpy as np
import pandas as pd
import pytest

from strategy_engine import Costs, SmaCross, run
from strategy_engine.regimes import REGIMES, regimes
from tests.unit.strategy_engine.price_series import random_bars


@pytest.fixture(scope="module")
def report():
    return run(random_bars(1_300, seed=4), SmaCross(fast=5, slow=20), costs=Costs(commission_rate=0.001))


def test_years_compound_to_the_whole(report):
    table = report.by_year()
    assert table.label.tolist() == ["1970", "1971", "1972", "1973"]
    assert np.prod(1.0 + table.return_frac) - 1.0 == pytest.approx(report.metrics.total_return_frac)
    assert table.bars.sum() == len(report.time)
    assert table.trade_count.sum() == report.metrics.trade_count
    assert table.pnl.sum() == pytest.approx(report.trades.pnl[~report.trades.is_open].sum())


def test_a_year_by_pandas(report):
    equity = pd.Series([10_000.0, *report.equity]).pct_change().iloc[1:]
    equity.index = pd.to_datetime(report.time, utc=True)
    of_1971 = equity[equity.index.year == 1971]
    table = report.by_year()
    curve = pd.concat([pd.Series([1.0]), (1.0 + of_1971).cumprod()])
    assert table.sharpe[1] == pytest.approx(of_1971.mean() / of_1971.std() * np.sqrt(252))
    assert table.max_drawdown[1] == pytest.approx((curve / curve.cummax() - 1.0).min())
    trades = report.trades.to_pandas()
    mine = trades[(trades.entry_time.dt.year == 1971) & ~trades.is_open]
    assert table.win_rate[1] == pytest.approx((mine.pnl > 0).mean())


def test_a_bar_belongs_to_the_regime_of_the_close_before_it(report):
    table = report.by_regime()
    known = np.array(REGIMES)[np.concatenate(([0], regimes(report.benchmark)[:-1]))]
    assert dict(zip(table.label, table.bars, strict=True)) == {
        name: (known == name).sum() for name in REGIMES if (known == name).any()
    }
    assert np.prod(1.0 + table.return_frac) - 1.0 == pytest.approx(report.metrics.total_return_frac)
    assert table.trade_count.sum() == report.metrics.trade_count
