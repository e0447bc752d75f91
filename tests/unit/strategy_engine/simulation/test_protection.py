import pytest

from strategy_engine import AtrDistance, Exits, FillRules, FractionDistance, RiskDistance, Rung
from tests.unit.strategy_engine.simulation.orders import Orders, exits_of, ohlc, ten_units

QUIET = (100.0, 101.0, 99.0, 100.0)
TEN_PERCENT = FractionDistance(frac=0.1)
STOP = Exits(stop_loss=TEN_PERCENT)
BRACKET = Exits(stop_loss=TEN_PERCENT, take_profit=TEN_PERCENT)


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        ((100.0, 101.0, 89.0, 95.0), 90.0),  # reached inside the bar: the stop itself
        ((85.0, 86.0, 80.0, 84.0), 85.0),  # opened beyond it: the open, which is worse
        ((100.0, 101.0, 90.0, 95.0), 90.0),  # touched
    ],
)
def test_a_long_stop_fills_at_its_price_or_at_a_worse_open(bar, price):
    report = ten_units(ohlc(QUIET, QUIET, bar, QUIET), Orders(), exits=STOP)
    assert exits_of(report) == [(2, price, "stop_loss")]


@pytest.mark.parametrize(
    ("bar", "price"), [((100.0, 111.0, 99.0, 105.0), 110.0), ((115.0, 120.0, 114.0, 116.0), 115.0)]
)
def test_a_short_stop_is_the_mirror_image(bar, price):
    report = ten_units(ohlc(QUIET, QUIET, bar, QUIET), Orders(short=True), exits=STOP)
    assert exits_of(report) == [(2, price, "stop_loss")]
    assert report.trades.pnl[0] == 10.0 * (100.0 - price)


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        ((100.0, 112.0, 99.0, 105.0), 110.0),
        ((115.0, 116.0, 112.0, 113.0), 115.0),  # opened beyond it: the open, which is better
    ],
)
def test_a_target_fills_at_its_price_or_at_a_better_open(bar, price):
    exits = Exits(take_profit=TEN_PERCENT)
    report = ten_units(ohlc(QUIET, QUIET, bar, QUIET), Orders(), exits=exits)
    assert exits_of(report) == [(2, price, "take_profit")]


def test_a_target_that_is_only_touched_fills_by_touch_and_not_by_through():
    bars, exits = ohlc(QUIET, QUIET, (100.0, 110.0, 99.0, 105.0), QUIET), Exits(take_profit=TEN_PERCENT)
    assert exits_of(ten_units(bars, Orders(), exits=exits))[0][2] == "take_profit"
    through = ten_units(bars, Orders(), exits=exits, fills=FillRules(limit_fill="through"))
    assert exits_of(through) == [(3, 100.0, "end_of_data")]


def test_where_a_bar_reaches_both_the_stop_comes_first_and_the_bar_counts_as_ambiguous():
    report = ten_units(ohlc(QUIET, QUIET, (100.0, 111.0, 89.0, 100.0), QUIET), Orders(), exits=BRACKET)
    assert exits_of(report) == [(2, 90.0, "stop_loss")]
    assert report.ambiguous_bar_frac == 0.25


def test_a_target_at_the_open_comes_before_a_stop_inside_the_bar():
    report = ten_units(ohlc(QUIET, QUIET, (112.0, 113.0, 89.0, 95.0), QUIET), Orders(), exits=BRACKET)
    assert exits_of(report) == [(2, 112.0, "take_profit")]


@pytest.mark.parametrize(
    ("bar", "exit_"),
    [
        ((104.0, 111.0, 89.0, 95.0), (2, 110.0, "take_profit")),  # the high is nearer to the open
        ((96.0, 111.0, 89.0, 105.0), (2, 90.0, "stop_loss")),  # the low is
        ((100.0, 111.0, 89.0, 100.0), (2, 90.0, "stop_loss")),  # as near as each other: the low
    ],
)
def test_the_path_goes_from_the_open_to_the_nearer_extreme_first(bar, exit_):
    fills = FillRules(same_bar="ohlc_path")
    assert exits_of(ten_units(ohlc(QUIET, QUIET, bar, QUIET), Orders(), exits=BRACKET, fills=fills)) == [exit_]


def test_bars_of_a_lower_timeframe_tell_what_came_first():
    hour = 3_600_000_000_000
    daily = ohlc(QUIET, QUIET, (100.0, 111.0, 89.0, 100.0), QUIET)
    up_then_down = [(100.0, 111.0, 99.0, 110.0), (110.0, 110.0, 89.0, 100.0)]
    lower = ohlc(*up_then_down)
    lower = type(lower).from_arrays(
        symbol="TEST",
        timeframe="1h",
        time=2 * 24 * hour + hour * (9 + lower.time // lower.time[1]),
        **{name: getattr(lower, name) for name in ("open", "high", "low", "close", "volume")},
    )
    fills = FillRules(same_bar="lower_timeframe")
    report = ten_units(daily, Orders(), exits=BRACKET, fills=fills, lower=lower)
    assert exits_of(report) == [(2, 110.0, "take_profit")]
    assert report.ambiguous_bar_frac == 0.0


def test_a_stop_is_tested_on_the_bar_of_the_entry():
    report = ten_units(ohlc(QUIET, (100.0, 101.0, 85.0, 95.0), QUIET), Orders(), exits=STOP)
    assert exits_of(report) == [(1, 90.0, "stop_loss")]


def test_an_exit_decided_at_the_close_comes_before_the_stop():
    bars = ohlc(QUIET, QUIET, (85.0, 86.0, 80.0, 84.0), QUIET)
    assert exits_of(ten_units(bars, Orders(until=(1,)), exits=STOP)) == [(2, 85.0, "signal")]


def test_a_trailing_stop_follows_the_best_price_and_never_goes_back():
    bars = ohlc(
        QUIET,
        QUIET,
        (100.0, 120.0, 100.0, 118.0),  # the best so far, and the stop for the next bar: 108
        (118.0, 119.0, 109.0, 110.0),  # lower, and the stop stays
        (110.0, 112.0, 105.0, 106.0),
        QUIET,
    )
    report = ten_units(bars, Orders(), exits=Exits(trailing_stop=TEN_PERCENT))
    assert exits_of(report) == [(4, 108.0, "trailing_stop")]


def test_along_the_path_a_trailing_stop_knows_the_high_of_its_own_bar():
    bars = ohlc(QUIET, QUIET, (106.0, 120.0, 88.0, 100.0), (95.0, 96.0, 89.0, 92.0))
    exits = Exits(trailing_stop=FractionDistance(frac=0.25))
    assert exits_of(ten_units(bars, Orders(), exits=exits, fills=FillRules(same_bar="ohlc_path"))) == [
        (2, 90.0, "trailing_stop")
    ]
    assert exits_of(ten_units(bars, Orders(), exits=exits)) == [(3, 90.0, "trailing_stop")]


def test_a_trailing_stop_in_average_true_ranges_keeps_its_distance():
    # True ranges of 2 each: the mean over 2 bars, as of the close of bar 2, is 2, and the stop 1.5 * 2 away.
    bars = ohlc(QUIET, QUIET, QUIET, QUIET, (100.0, 105.0, 100.0, 104.0), (104.0, 104.0, 101.0, 101.0), QUIET)
    report = ten_units(bars, Orders(at=(2,)), exits=Exits(trailing_stop=AtrDistance(multiple=1.5, period=2)))
    assert exits_of(report) == [(5, 102.0, "trailing_stop")]


def test_a_time_stop_leaves_at_the_open_so_many_bars_after_the_entry():
    bars = ohlc(QUIET, QUIET, QUIET, (103.0, 104.0, 102.0, 103.0), QUIET)
    assert exits_of(ten_units(bars, Orders(), exits=Exits(time_stop_bars=2))) == [(3, 103.0, "time_stop")]


def test_a_ladder_leaves_parts_at_their_targets_and_the_rest_with_the_last_rung():
    ladder = (
        Rung(target=FractionDistance(frac=0.05), share=0.25),
        Rung(target=FractionDistance(frac=0.1), share=0.25),
        Rung(target=FractionDistance(frac=0.2), share=0.5),
    )
    bars = ohlc(QUIET, QUIET, (100.0, 106.0, 99.0, 104.0), (112.0, 113.0, 111.0, 112.0), (112.0, 125.0, 111.0, 112.0))
    report = ten_units(bars, Orders(), exits=Exits(ladder=ladder))
    # A quarter of ten is two whole units; the second rung fills at the open that is better than 110.
    assert exits_of(report) == [(2, 105.0, "ladder"), (3, 112.0, "ladder"), (4, 120.0, "ladder")]
    assert report.trades.size.tolist() == [2.0, 2.0, 6.0]
    assert report.equity[-1] == 100_000.0 + 2 * 5.0 + 2 * 12.0 + 6 * 20.0


def test_targets_in_multiples_of_the_risk():
    exits = Exits(stop_loss=FractionDistance(frac=0.05), take_profit=RiskDistance(multiple=2.0))
    report = ten_units(ohlc(QUIET, QUIET, (100.0, 111.0, 99.0, 105.0), QUIET), Orders(), exits=exits)
    assert exits_of(report) == [(2, 110.0, "take_profit")]
    assert (report.trades.initial_risk[0], report.trades.r_multiple[0]) == (50.0, 2.0)


def test_prices_of_the_strategy_stand_above_those_of_the_backtest():
    bars = ohlc(QUIET, QUIET, (100.0, 101.0, 93.0, 95.0), QUIET)
    assert exits_of(ten_units(bars, Orders(stop_loss=94.0), exits=STOP)) == [(2, 94.0, "stop_loss")]
    high = ohlc(QUIET, QUIET, (100.0, 107.0, 99.0, 105.0), QUIET)
    assert exits_of(ten_units(high, Orders(take_profit=106.0), exits=BRACKET)) == [(2, 106.0, "take_profit")]


def test_excursions_are_the_extremes_between_entry_and_exit():
    bars = ohlc(QUIET, (100.0, 104.0, 97.0, 100.0), (100.0, 112.0, 95.0, 100.0), (100.0, 150.0, 50.0, 100.0))
    report = ten_units(bars, Orders(until=(2,)))
    assert report.trades.mae_frac[0] == pytest.approx(0.05)
    assert report.trades.mfe_frac[0] == pytest.approx(0.12)
