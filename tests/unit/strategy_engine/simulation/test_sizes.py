import numpy as np
import pytest

from strategy_engine import (
    Account,
    AllCash,
    Costs,
    EquityFraction,
    Exits,
    FixedCash,
    FixedUnits,
    FractionDistance,
    KellyFraction,
    RiskPerTrade,
    VolatilityTarget,
    VolumeShareSlippage,
)
from tests.unit.strategy_engine.simulation.orders import Orders, notes_of, ohlc, ten_units

QUIET = (100.0, 101.0, 99.0, 100.0)
BARS = ohlc(QUIET, QUIET, QUIET)
SMALL = Account(cash=10_050.0)


def size(sizing, *, account=SMALL, bars=BARS, orders=None, **settings):
    report = ten_units(bars, orders or Orders(), account=account, sizing=sizing, **settings)
    return report.trades.size.tolist(), [note[4] for note in notes_of(report)]


@pytest.mark.parametrize(
    ("sizing", "units"),
    [
        (AllCash(), 100.0),
        (EquityFraction(frac=0.5), 50.0),  # 5,025 buys 50.25
        (FixedUnits(units=7.9), 7.0),
        (FixedCash(cash=1_234.0), 12.0),
    ],
)
def test_sizes_are_rounded_down_to_whole_lots(sizing, units):
    assert size(sizing) == ([units], [])


def test_risk_per_trade_buys_as_many_units_as_the_way_to_the_stop_allows():
    # 1 % of 10,050 over a way of 3.00 is 33.5 units.
    exits = Exits(stop_loss=FractionDistance(frac=0.03))
    assert size(RiskPerTrade(risk_frac=0.01), exits=exits) == ([33.0], [])
    assert size(RiskPerTrade(risk_frac=0.01)) == ([], ["no_stop"])


def test_a_fraction_given_with_the_signal_stands_above_the_sizing():
    assert size(FixedUnits(units=1.0), orders=Orders(size_frac=0.25)) == ([25.0], [])


def test_a_volatility_target_waits_for_returns_and_then_weighs_by_them():
    moving = ohlc(QUIET, (100.0, 111.0, 99.0, 110.0), (110.0, 111.0, 98.0, 99.0), *[(99.0, 100.0, 98.0, 99.0)] * 2)
    sizing = VolatilityTarget(target_vol=0.2, window=2)
    assert size(sizing, bars=moving, orders=Orders(at=(1,))) == ([], ["no_volatility"])
    yearly = np.std([0.1, -0.1], ddof=1) * np.sqrt(252.0)
    assert size(sizing, bars=moving, orders=Orders(at=(2,)))[0] == [np.floor(10_050.0 * 0.2 / yearly / 99.0)]


def test_kelly_starts_small_and_then_follows_the_trades_that_have_closed():
    flat = [(price, price, price, price) for price in (100.0, 100.0, 120.0, 100.0, 90.0, 100.0, 100.0)]
    # Two trades of 100 units, 10 % of the account each: 20 % won, then 10 % lost, so that p is 1/2, b is 2 and f 1/4.
    sizing = KellyFraction(fraction=0.5, lookback_trades=2, start_frac=0.1)
    report = ten_units(ohlc(*flat), Orders(at=(0, 2, 4), until=(1, 3)), sizing=sizing)
    equity = 100_000.0 + 100.0 * 20.0 - 102.0 * 10.0
    assert report.trades.size.tolist() == [100.0, 102.0, np.floor(equity * 0.125 / 100.0)]


def test_kelly_without_an_edge_bets_nothing():
    flat = [(price, price, price, price) for price in (100.0, 100.0, 90.0, 100.0, 90.0, 100.0, 100.0)]
    report = ten_units(ohlc(*flat), Orders(at=(0, 2, 4), until=(1, 3)), sizing=KellyFraction(lookback_trades=2))
    assert len(report.trades) == 2
    assert [note[4] for note in notes_of(report)] == ["no_edge"]


def test_a_minimum_of_notional_refuses_what_is_smaller():
    account = Account(cash=10_000.0, min_notional=500.0)
    assert size(FixedUnits(units=5.0), account=account) == ([5.0], [])
    assert size(FixedUnits(units=4.0), account=account) == ([], ["below_min_notional"])


def test_what_cannot_be_paid_is_cut_and_noted():
    report = ten_units(BARS, Orders(), account=Account(cash=1_000.0), sizing=FixedUnits(units=50.0))
    assert report.trades.size.tolist() == [9.0]  # all of the cash is a hair less than ten units
    assert notes_of(report) == [(1, "buy", 50.0, 9.0, "shrunk_to_cash")]


def test_an_account_that_can_pay_for_nothing_says_so():
    report = ten_units(BARS, Orders(), account=Account(cash=50.0), sizing=FixedUnits(units=50.0))
    assert notes_of(report) == [(1, "buy", 50.0, 0.0, "no_cash")]
    assert notes_of(ten_units(BARS, Orders(), account=Account(cash=50.0), sizing=AllCash()))[0][4] == "below_lot"


@pytest.mark.parametrize(
    ("costs", "units"),
    [
        (Costs(commission_fixed=50.0), 100.0),  # 10,000 and 50
        (Costs(commission_fixed=50.5), 99.0),
        (Costs(commission_per_unit=0.5), 100.0),
        (Costs(commission_per_unit=1.0), 99.0),  # 99 cost 9,999; 100 would cost 10,100
        (Costs(commission_min=60.0), 99.0),
        (Costs(commission_rate=0.01), 99.0),
    ],
)
def test_all_cash_leaves_room_for_every_kind_of_commission(costs, units):
    assert size(AllCash(), costs=costs) == ([units], [])


def test_leverage_buys_more_than_the_account_holds():
    assert size(AllCash(), account=Account(cash=1_005.0, leverage=5.0)) == ([50.0], [])


def test_an_order_takes_no_more_than_its_share_of_the_volume_and_an_exit_goes_on_at_the_next_open():
    costs = Costs(slippage=VolumeShareSlippage(price_impact=0.0, max_share=0.01))
    bars = ohlc(*[QUIET] * 5, volume=700.0)
    report = ten_units(bars, Orders(), costs=costs)
    assert report.trades.size.tolist() == [7.0]
    assert notes_of(report) == [(1, "buy", 10.0, 7.0, "volume")]
    thin = ohlc(*[QUIET] * 5, volume=700.0)
    volume = np.array([700.0, 700.0, 700.0, 300.0, 700.0])
    columns = {name: getattr(thin, name) for name in ("time", "open", "high", "low", "close")}
    thin = type(thin).from_arrays(symbol="TEST", timeframe="1d", **columns, volume=volume)
    report = ten_units(thin, Orders(until=(2,)), costs=costs)
    assert report.trades.size.tolist() == [3.0, 4.0]
    assert notes_of(report)[1] == (3, "sell", 7.0, 3.0, "volume")


def test_a_bar_without_volume_fills_nothing():
    costs = Costs(slippage=VolumeShareSlippage())
    report = ten_units(ohlc(*[QUIET] * 3, volume=0.0), Orders(), costs=costs)
    assert (len(report.trades), notes_of(report)) == (0, [(1, "buy", 10.0, 0.0, "volume")])
