"""The same trades as backtesting.py 0.6.6, one by one (AGPL: an oracle here, never a part of the product).

backtesting.py fills market orders at the next open, sizes a default order with all cash in whole units and
leaves a position open at the end out of its trades; those are the settings compared.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from market_data.bars import Bars
from market_data.providers.sample import SampleProvider
from strategy_engine import Account, Costs, SmaCross, run

with warnings.catch_warnings():
    # It warns on import that Jupyter's widgets for progress bars may be missing: not ours to answer.
    warnings.simplefilter("ignore")
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover

pytestmark = [
    # It looks at the calendar by an attribute that pandas has renamed.
    pytest.mark.filterwarnings("ignore:DatetimeIndex.dayofweek is deprecated"),
    # Both tell in words what the comparison already knows: an open trade at the end, an order without the
    # cash.
    pytest.mark.filterwarnings("ignore:Some trades remain open:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*Broker canceled the.*order due to insufficient margin:UserWarning"),
    # One share may cost more than all cash: then neither engine trades, which is part of the comparison.
    pytest.mark.filterwarnings("ignore:Some prices are larger than initial cash value:UserWarning"),
]

CASH = 10_000.0
FEES = [0.0, 0.001]
COLUMNS = ["entry_bar", "exit_bar", "size", "entry_price", "exit_price", "pnl"]


def their_trades(bars: Bars, strategy: type[Strategy], fee: float) -> pd.DataFrame:
    frame = bars.to_pandas().rename(columns=str.title).tz_localize(None)
    backtest = Backtest(frame, strategy, cash=CASH, commission=fee, finalize_trades=False)
    trades = backtest.run()["_trades"]
    return trades[["EntryBar", "ExitBar", "Size", "EntryPrice", "ExitPrice", "PnL"]].set_axis(COLUMNS, axis=1)


def our_trades(bars: Bars, strategy: object, fee: float) -> pd.DataFrame:
    trades = run(bars, strategy, account=Account(cash=CASH), costs=Costs(commission_rate=fee)).trades.to_pandas()
    closed = trades[~trades["is_open"]]
    starts = pd.DatetimeIndex(pd.to_datetime(bars.time, utc=True))
    bars_of_fills = {f"{side}_bar": starts.get_indexer(closed[f"{side}_time"]) for side in ("entry", "exit")}
    return closed.assign(**bars_of_fills)[COLUMNS].reset_index(drop=True)


def assert_same_trades(bars: Bars, ours: object, theirs: type[Strategy], fee: float, *, fewest: int = 1) -> None:
    expected = their_trades(bars, theirs, fee)
    assert len(expected) >= fewest
    actual = our_trades(bars, ours, fee)
    pd.testing.assert_frame_equal(actual, expected, check_dtype=False, check_exact=True)


def rolling_mean(values: np.ndarray, period: int) -> pd.Series:
    return pd.Series(values).rolling(period).mean()


def cross_of(fast: int, slow: int, *, counts_ties: bool) -> type[Strategy]:
    class Cross(Strategy):
        def init(self):
            self.fast = self.I(rolling_mean, self.data.Close, fast)
            self.slow = self.I(rolling_mean, self.data.Close, slow)

        def next(self):
            if self.rises(self.fast, self.slow):
                if not self.position:
                    self.buy()
            elif self.rises(self.slow, self.fast):
                self.position.close()

        def rises(self, series, other):
            if counts_ties:
                return series[-2] <= other[-2] and series[-1] > other[-1]
            return crossover(series, other)

    return Cross


def orders_of(entries: np.ndarray, exits: np.ndarray) -> type[Strategy]:
    class Orders(Strategy):
        def init(self):
            pass

        def next(self):
            bar = len(self.data) - 1
            if self.position:
                if exits[bar]:
                    self.position.close()
            elif entries[bar] and not exits[bar]:
                self.buy()

    return Orders


class GivenOrders:
    def __init__(self, entries: np.ndarray, exits: np.ndarray) -> None:
        self.entries, self.exits = entries, exits

    def signals(self, view):
        return view.signals(entries=self.entries, exits=self.exits)


def random_series(seed: int, *, count: int = 400, decimals: int | None = None) -> Bars:
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(random.normal(0.0, 0.03, count).cumsum())
    open_ = close * np.exp(random.normal(0.0, 0.01, count))
    if decimals is not None:
        open_, close = (np.maximum(prices.round(decimals), 1.0) for prices in (open_, close))
    return Bars.from_arrays(
        symbol="RANDOM",
        timeframe="1d",
        time=np.arange(count) * 86_400_000_000_000,
        open=open_,
        high=np.maximum(open_, close) * 1.01,
        low=np.minimum(open_, close) * 0.99,
        close=close,
        volume=np.ones(count),
    )


@pytest.mark.parametrize("fee", FEES)
@pytest.mark.parametrize(("fast", "slow"), [(10, 30), (5, 20), (2, 3), (50, 200)])
@pytest.mark.parametrize("symbol", ["AAPL", "MSFT"])
def test_thirteen_years_of_real_prices_give_the_same_trades(symbol, fast, slow, fee):
    bars = SampleProvider().fetch(symbol, "1d")
    theirs = cross_of(fast, slow, counts_ties=True)
    assert_same_trades(bars, SmaCross(fast=fast, slow=slow), theirs, fee, fewest=5)


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT"])
def test_their_own_crossover_gives_the_same_trades_where_no_averages_tie(symbol):
    bars = SampleProvider().fetch(symbol, "1d")
    assert_same_trades(bars, SmaCross(fast=10, slow=30), cross_of(10, 30, counts_ties=False), 0.001, fewest=40)


@pytest.mark.parametrize("decimals", [None, 2, 0])
@pytest.mark.parametrize("seed", range(4))
def test_crossings_in_random_prices_give_the_same_trades_ties_included(seed, decimals):
    bars = random_series(seed, decimals=decimals)
    for fast, slow in ((2, 4), (5, 10)):
        theirs = cross_of(fast, slow, counts_ties=True)
        assert_same_trades(bars, SmaCross(fast=fast, slow=slow), theirs, FEES[seed % 2], fewest=5)


@pytest.mark.parametrize("decimals", [None, 0])
@pytest.mark.parametrize("fee", [0.0, 0.0007, 0.05])
@pytest.mark.parametrize("seed", range(3))
def test_random_orders_give_the_same_trades_until_the_cash_is_gone(seed, fee, decimals):
    bars = random_series(seed, decimals=decimals)
    random = np.random.default_rng(seed)
    entries, exits = random.random(len(bars)) < 0.3, random.random(len(bars)) < 0.3
    entries[0] = False  # their strategies decide from the second bar on
    assert_same_trades(bars, GivenOrders(entries, exits), orders_of(entries, exits), fee, fewest=30)
