import pytest

from strategy_engine import (
    CommissionTier,
    Costs,
    Exits,
    FillRules,
    FixedSlippage,
    FractionDistance,
    LimitOrder,
    VolatilitySlippage,
    VolumeShareSlippage,
)
from tests.unit.strategy_engine.simulation.orders import Orders, entries_of, exits_of, ohlc, ten_units

QUIET = (100.0, 101.0, 99.0, 100.0)
BARS = ohlc(*[QUIET] * 5)


@pytest.mark.parametrize(
    ("costs", "fees"),
    [
        (Costs(commission_rate=0.001), 2.0),
        (Costs(commission_fixed=3.0), 6.0),
        (Costs(commission_per_unit=0.02), 0.4),
        (Costs(commission_min=5.0, commission_rate=0.001), 10.0),
        (Costs(commission_fixed=1.0, commission_per_unit=0.1, commission_rate=0.001), 6.0),
        # 0.2 % of the first 400, 0.1 % of the next 300, 0.05 % of the last 300.
        (
            Costs(
                commission_rate=0.002,
                commission_tiers=(CommissionTier(above=400.0, rate=0.001), CommissionTier(above=700.0, rate=0.0005)),
            ),
            2 * (0.8 + 0.3 + 0.15),
        ),
    ],
)
def test_commission_of_ten_units_at_100_on_both_sides(costs, fees):
    report = ten_units(BARS, Orders(until=(1,)), costs=costs)
    assert report.trades.fees[0] == pytest.approx(fees)
    assert report.equity[-1] == pytest.approx(100_000.0 - fees)


def test_half_of_the_spread_is_paid_on_each_side():
    report = ten_units(BARS, Orders(until=(1,)), costs=Costs(spread_frac=0.02))
    assert (entries_of(report), exits_of(report)) == ([(1, 101.0)], [(2, 99.0, "signal")])


def test_under_backtesting_py_all_of_the_spread_is_paid_at_entry():
    report = ten_units(
        BARS, Orders(until=(1,)), costs=Costs(spread_frac=0.01), fills=FillRules(profile="backtesting_py")
    )
    assert (entries_of(report), exits_of(report)) == ([(1, 101.0)], [(2, 100.0, "signal")])


def test_fixed_slippage_makes_both_sides_worse_and_shorts_too():
    costs = Costs(slippage=FixedSlippage(frac=0.01))
    long, short = (ten_units(BARS, Orders(until=(1,), short=short), costs=costs) for short in (False, True))
    assert (entries_of(long), exits_of(long)) == ([(1, 101.0)], [(2, 99.0, "signal")])
    assert (entries_of(short), exits_of(short)) == ([(1, 99.0)], [(2, 101.0, "signal")])


def test_stops_slip_and_limits_do_not():
    costs = Costs(slippage=FixedSlippage(frac=0.01), spread_frac=0.02)
    falling = ohlc(QUIET, (100.0, 101.0, 94.0, 95.0), (95.0, 96.0, 80.0, 85.0), QUIET)
    stop = Exits(stop_loss=FractionDistance(frac=0.1))
    report = ten_units(falling, Orders(), costs=costs, entry=LimitOrder(offset=FractionDistance(frac=0.05)), exits=stop)
    assert entries_of(report) == [(1, 95.0)]
    assert exits_of(report) == [(2, pytest.approx(85.5 * 0.98), "stop_loss")]
    rising = ohlc(QUIET, QUIET, (100.0, 112.0, 99.0, 110.0), QUIET)
    target = ten_units(rising, Orders(), costs=costs, exits=Exits(take_profit=FractionDistance(frac=0.05)))
    assert exits_of(target) == [(2, pytest.approx(102.0 * 1.05), "take_profit")]


def test_volatility_slippage_knows_only_returns_before_the_fill():
    moving = ohlc(QUIET, (100.0, 111.0, 99.0, 110.0), (110.0, 111.0, 98.0, 99.0), (99.0, 180.0, 98.0, 170.0), QUIET)
    costs = Costs(slippage=VolatilitySlippage(multiple=0.5, window=2))
    entry = entries_of(ten_units(moving, Orders(at=(2,)), costs=costs))
    assert entry == [(3, pytest.approx(99.0 * (1.0 + 0.5 * 0.02**0.5)))]  # of +10 % and -10 %


def test_a_share_of_the_volume_moves_the_price_by_its_square():
    costs = Costs(slippage=VolumeShareSlippage(price_impact=0.1, max_share=0.1))
    report = ten_units(ohlc(*[QUIET] * 3, volume=200.0), Orders(), costs=costs)
    assert entries_of(report) == [(1, pytest.approx(100.0 * (1.0 + 0.1 * 0.05**2)))]
