"""Every strategy, with its defaults, over thirteen years of real prices."""

from typing import get_args

import numpy as np
import pytest

from market_data.providers.sample import SampleProvider
from strategy_engine import UniverseView, run
from strategy_engine.strategies import STRATEGIES, SignalStrategy, UniverseStrategy
from tests.unit.strategy_engine.strategies.any_strategy import told

SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")  # GOOG is there since 2004 only
OF_DAYS = [strategy for strategy in get_args(SignalStrategy) if strategy.kind != "opening_range"]
SHORT = {"short_entries": "short_exits", "entries": "exits"}


@pytest.fixture(scope="module")
def bars():
    return [SampleProvider().fetch(symbol, "1d") for symbol in SYMBOLS]


@pytest.mark.parametrize("strategy", OF_DAYS, ids=lambda strategy: strategy.kind)
def test_it_trades_every_symbol_and_its_account_stays_finite(strategy, bars):
    for series in bars:
        report = run(series, strategy())
        assert np.isfinite(report.equity).all()
        assert len(report.trades) > (0 if strategy.kind == "buy_and_hold" else 3)


@pytest.mark.parametrize("strategy", OF_DAYS, ids=lambda strategy: strategy.kind)
def test_each_side_is_entered_and_left(strategy, bars):
    if strategy.kind == "buy_and_hold":
        return
    decided = told(strategy(direction="both"), bars[0])
    for entries, exits in SHORT.items():
        assert decided[entries].any()
        assert decided[exits].any()
        assert decided[entries].mean() < 0.5


@pytest.mark.parametrize("strategy", get_args(UniverseStrategy), ids=lambda strategy: strategy.kind)
def test_it_spreads_the_equity_again_and_again(strategy, bars):
    universe = UniverseView(bars[2:] if strategy.kind == "pairs" else bars)
    weights = strategy().weights(universe)
    rows = weights.target[weights.rebalance]
    assert len(rows) > 20
    assert np.isfinite(rows).all()
    assert (np.abs(rows).sum(axis=1) <= 1.0 + 1e-12).all()
    assert len(np.unique(rows.round(9), axis=0)) > 1


def test_a_symbol_is_given_nothing_before_it_was_listed(bars):
    universe = UniverseView(bars)
    unlisted = np.isnan(universe.close[:, 1])
    assert unlisted.any()
    for kind in ("momentum_rotation", "dual_momentum", "periodic_rebalance"):
        assert not STRATEGIES[kind]().weights(universe).target[unlisted, 1].any()
