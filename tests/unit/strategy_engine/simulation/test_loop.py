"""Laws of the general loop, over random prices, orders and settings; and that the plain loop is a case of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from market_data.bars import Bars
from strategy_engine import (
    Account,
    AllCash,
    AtrDistance,
    CommissionTier,
    Costs,
    EquityFraction,
    Exits,
    FillRules,
    FixedCash,
    FixedSlippage,
    FixedUnits,
    FractionDistance,
    KellyFraction,
    LimitOrder,
    MarketOrder,
    RiskDistance,
    RiskPerTrade,
    Rung,
    StopLimitOrder,
    StopOrder,
    VolatilitySlippage,
    VolatilityTarget,
    VolumeShareSlippage,
    run,
)
from strategy_engine.settings import Settings
from tests.unit.strategy_engine.price_series import DAY_NS

COUNT = 120


class AtRandom:
    """Enters long or short and leaves at random closes, drawn for all bars from one seed."""

    def __init__(self, seed: int, *, shorts: bool = True) -> None:
        self.seed, self.shorts = seed, shorts

    def signals(self, view):
        flags = np.random.default_rng(self.seed).random((4, 1_000))[:, : len(view)] < 0.15
        if not self.shorts:
            return view.signals(entries=flags[0], exits=flags[1])
        return view.signals(entries=flags[0], exits=flags[1], short_entries=flags[2], short_exits=flags[3])


def random_bars(seed: int, *, count: int = COUNT, step: float = 0.02, symbol: str = "TEST") -> Bars:
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(random.normal(0.0, step, count).cumsum())
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(random.normal(0.0, step / 2.0, count))
    wicks = 1.0 + np.abs(random.normal(0.0, step, (2, count)))
    return Bars.from_arrays(
        symbol=symbol,
        timeframe="1d",
        time=np.arange(count) * DAY_NS,
        open=open_,
        high=np.maximum(open_, close) * wicks[0],
        low=np.minimum(open_, close) / wicks[1],
        close=close,
        volume=np.round(random.exponential(500.0, count)),
    )


fracs = st.sampled_from([0.005, 0.02, 0.05])
distances = st.one_of(
    st.builds(FractionDistance, frac=fracs), st.builds(AtrDistance, multiple=st.just(1.5), period=st.just(5))
)
targets = st.one_of(distances, st.builds(RiskDistance, multiple=st.sampled_from([0.5, 2.0])))
ladders = st.lists(targets, max_size=3).map(lambda found: tuple(Rung(target=target, share=0.3) for target in found))
all_exits = st.builds(
    Exits,
    stop_loss=distances,
    take_profit=st.none() | targets,
    trailing_stop=st.none() | distances,
    ladder=ladders,
    time_stop_bars=st.none() | st.integers(1, 20),
)
all_entries = st.one_of(
    st.just(MarketOrder()),
    st.builds(LimitOrder, offset=distances, valid_bars=st.integers(1, 5)),
    st.builds(StopOrder, offset=distances, valid_bars=st.integers(1, 5)),
    st.builds(StopLimitOrder, stop_offset=distances, limit_offset=distances, valid_bars=st.integers(1, 5)),
)
all_sizings = st.sampled_from(
    [
        AllCash(),
        EquityFraction(frac=0.5),
        FixedUnits(units=7.0),
        FixedCash(cash=3_000.0),
        RiskPerTrade(risk_frac=0.02),
        VolatilityTarget(target_vol=0.3, window=10),
        KellyFraction(lookback_trades=5, floor_frac=0.05),
    ]
)
all_costs = st.builds(
    Costs,
    commission_rate=st.sampled_from([0.0, 0.001]),
    commission_fixed=st.sampled_from([0.0, 2.0]),
    commission_per_unit=st.sampled_from([0.0, 0.01]),
    commission_min=st.sampled_from([0.0, 5.0]),
    commission_tiers=st.sampled_from([(), (CommissionTier(above=2_000.0, rate=0.0002),)]),
    spread_frac=st.sampled_from([0.0, 0.001]),
    slippage=st.sampled_from([FixedSlippage(), VolatilitySlippage(window=5), VolumeShareSlippage(max_share=0.2)]),
)
all_accounts = st.builds(
    Account,
    lot_step=st.sampled_from([1.0, 0.01]),
    leverage=st.sampled_from([1.0, 3.0]),
    borrow_rate=st.sampled_from([0.0, 0.05]),
    cash_rate=st.sampled_from([0.0, 0.03]),
    min_notional=st.sampled_from([0.0, 200.0]),
)
all_fills = st.one_of(
    st.builds(
        FillRules,
        same_bar=st.sampled_from(["stop_first", "ohlc_path"]),
        limit_fill=st.sampled_from(["touch", "through"]),
        close_at_end=st.booleans(),
    ),
)
all_settings = st.builds(
    Settings,
    account=all_accounts,
    costs=all_costs,
    sizing=all_sizings,
    exits=all_exits,
    entry=all_entries,
    fills=all_fills,
)
seeds = st.integers(0, 2**32 - 1)


def backtest(bars, strategy, settings):
    return run(
        bars,
        strategy,
        account=settings.account,
        costs=settings.costs,
        sizing=settings.sizing,
        exits=settings.exits,
        entry=settings.entry,
        fills=settings.fills,
    )


@given(seeds, seeds, st.sampled_from([0.0, 0.001, 0.05]), st.sampled_from([1.0, 0.001]), st.booleans())
def test_the_plain_loop_is_the_general_one_to_the_last_bit(seed, orders, rate, lot_step, is_poor):
    bars, strategy = random_bars(seed), AtRandom(orders, shorts=False)
    settings = {"account": Account(cash=500.0 if is_poor else 10_000.0, lot_step=lot_step)}
    settings["costs"] = Costs(commission_rate=rate)
    plain = run(bars, strategy, **settings)
    general = run(bars, strategy, **settings, fills=FillRules(same_bar="ohlc_path"))
    for name in ("equity", "cash", "exposure"):
        assert getattr(plain, name).tobytes() == getattr(general, name).tobytes()
    for ours, theirs in ((plain.trades, general.trades), (plain.rejections, general.rejections)):
        for name, column in ours.columns().items():
            assert_array_equal(column, theirs.columns()[name], err_msg=name)
    assert repr(plain.metrics) == repr(general.metrics)


@given(seeds, seeds, all_settings)
def test_what_trades_gained_is_what_the_account_gained(seed, orders, settings):
    report = backtest(random_bars(seed), AtRandom(orders), settings)
    assert report.trades.pnl.sum() + report.interest == pytest.approx(report.equity[-1] - 10_000.0, abs=1e-6)
    assert (report.interest > 0.0) == (settings.account.cash_rate > 0.0)


@given(seeds, seeds, all_settings)
def test_cash_and_positions_add_up_to_the_equity_at_every_close(seed, orders, settings):
    settings = replace(settings, account=replace(settings.account, borrow_rate=0.0, cash_rate=0.0))
    bars = random_bars(seed)
    report = backtest(bars, AtRandom(orders), settings)
    trades = report.trades
    sign = np.where(trades.side == "long", 1.0, -1.0)
    cash, held = np.full(len(bars), 10_000.0), np.zeros(len(bars))
    entered = np.searchsorted(bars.time, trades.entry_time)
    left = np.searchsorted(bars.time, trades.exit_time)
    for k in range(len(trades)):  # cash accounting, where the engine keeps a balance and gains
        size = sign[k] * trades.size[k]
        cash[entered[k] :] -= size * trades.entry_price[k]
        held[entered[k] :] += size
        if not trades.is_open[k]:
            cash[left[k] :] += size * trades.exit_price[k]
            held[left[k] :] -= size
    paid = report.equity - cash - held * bars.close  # what is left over is fees: they only ever grow
    assert_allclose(paid[-1], -trades.fees.sum(), atol=1e-6)
    assert (np.diff(paid) <= 1e-6).all()
    assert_allclose(report.cash, report.equity - held * bars.close, atol=1e-6)


@given(seeds, seeds, all_settings, st.integers(2, COUNT))
def test_bars_that_come_later_change_nothing_before_them(seed, orders, settings, known):
    settings = replace(settings, fills=replace(settings.fills, close_at_end=False))
    bars = random_bars(seed)
    before, after = (backtest(series, AtRandom(orders), settings) for series in (bars[:known], bars))
    assert_array_equal(before.equity, after.equity[:known])
    assert_array_equal(before.exposure, after.exposure[:known])
    ended = after.trades.exit_time < bars.time[known - 1]
    closed = ~before.trades.is_open & (before.trades.exit_time < bars.time[known - 1])
    for name, column in before.trades.columns().items():
        assert_array_equal(column[closed], after.trades.columns()[name][ended & ~after.trades.is_open], err_msg=name)


@given(seeds, seeds, all_settings)
def test_the_same_backtest_gives_the_same_bytes(seed, orders, settings):
    first, again = (backtest(random_bars(seed), AtRandom(orders), settings) for _ in range(2))
    assert first.equity.tobytes() == again.equity.tobytes()
    for name, column in first.trades.columns().items():
        assert column.tobytes() == again.trades.columns()[name].tobytes()


@given(seeds, seeds, all_settings, st.sampled_from([0.25, 1_024.0]))
def test_prices_and_cash_in_another_currency_change_no_trade(seed, orders, settings, factor):
    bars, costs, account, sizing = random_bars(seed), settings.costs, settings.account, settings.sizing
    scaled = Bars.from_arrays(
        symbol="TEST",
        timeframe="1d",
        time=bars.time,
        volume=bars.volume,
        **{name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")},
    )
    dearer = replace(
        settings,
        account=replace(account, cash=account.cash * factor, min_notional=account.min_notional * factor),
        sizing=replace(sizing, cash=sizing.cash * factor) if isinstance(sizing, FixedCash) else sizing,
        costs=replace(
            costs,
            commission_fixed=costs.commission_fixed * factor,
            commission_per_unit=costs.commission_per_unit * factor,
            commission_min=costs.commission_min * factor,
            commission_tiers=tuple(replace(tier, above=tier.above * factor) for tier in costs.commission_tiers),
        ),
    )
    ours, theirs = backtest(bars, AtRandom(orders), settings), backtest(scaled, AtRandom(orders), dearer)
    # A power of two scales every float exactly, so not a bit may differ.
    assert_array_equal(ours.equity * factor, theirs.equity)
    assert_array_equal(ours.trades.size, theirs.trades.size)
    assert_array_equal(ours.trades.exit_reason, theirs.trades.exit_reason)


@given(seeds, seeds, all_settings)
def test_the_order_in_which_symbols_are_given_changes_nothing(seed, orders, settings):
    bars = [random_bars(seed + k, symbol=name) for k, name in enumerate(("CC", "AA", "BB"))]
    there, back = (backtest(given, AtRandom(orders), settings) for given in (bars, bars[::-1]))
    assert there.equity.tobytes() == back.equity.tobytes()
    for name, column in there.trades.columns().items():
        assert column.tobytes() == back.trades.columns()[name].tobytes()


@given(seeds, seeds, all_settings, st.sampled_from(["commission_rate", "commission_fixed", "spread_frac"]))
def test_the_first_trade_never_gains_by_higher_costs(seed, orders, settings, name):
    """Later ones may: what a cost forbids can be a loss. With a fixed size, the first is the same trade."""
    settings = replace(
        settings, sizing=FixedUnits(units=1.0), exits=Exits(), account=Account(cash=1e6), entry=MarketOrder()
    )
    dear = replace(settings, costs=replace(settings.costs, **{name: getattr(settings.costs, name) + 0.01}))
    cheap, costly = (backtest(random_bars(seed), AtRandom(orders), one).equity[-1] for one in (settings, dear))
    assert costly <= cheap + 1e-9


@pytest.mark.parametrize("price", [1e-9, 1e9])
def test_prices_of_any_scale_are_traded(price):
    random = random_bars(3)
    bars = Bars.from_arrays(
        symbol="TEST",
        timeframe="1d",
        time=random.time,
        volume=random.volume,
        **{name: getattr(random, name) * price for name in ("open", "high", "low", "close")},
    )
    account = Account(cash=1e12, lot_step=1e-3)
    report = run(bars, AtRandom(1), account=account, exits=Exits(stop_loss=FractionDistance(frac=0.05)))
    assert len(report.trades) > 5
    assert np.isfinite(report.equity).all()


def test_constant_prices_trade_and_gain_nothing():
    flat = np.full(COUNT, 50.0)
    bars = Bars.from_arrays(
        symbol="TEST",
        timeframe="1d",
        time=np.arange(COUNT) * DAY_NS,
        open=flat,
        high=flat,
        low=flat,
        close=flat,
        volume=np.zeros(COUNT),
    )
    exits = Exits(stop_loss=AtrDistance(multiple=2.0), trailing_stop=FractionDistance(frac=0.1))
    report = run(bars, AtRandom(1), exits=exits)
    assert len(report.trades) > 3
    assert_array_equal(report.equity, np.full(COUNT, 10_000.0))
