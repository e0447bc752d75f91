import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from market_data.errors import DomainError
from strategy_engine import Account, Costs, Exits, FractionDistance, run
from tests.unit.strategy_engine.simulation.orders import Orders, entries_of, exits_of, notes_of, ohlc

FLAT = (100.0, 100.0, 100.0, 100.0)
CASH = Account(cash=10_000.0)


class Targets:
    """Says the weights of `rows`, by the row at whose close they are decided, in the order of symbols' names."""

    def __init__(self, rows: dict[int, tuple[float, ...]]) -> None:
        self.rows = rows

    def weights(self, universe):
        target, rebalance = np.zeros(universe.close.shape), np.zeros(len(universe), np.bool_)
        for row, weights in self.rows.items():
            target[row], rebalance[row] = weights, True
        return universe.weights(target=target, rebalance=rebalance)


def two(first, second):
    return [ohlc(*first, symbol="AAA"), ohlc(*second, symbol="BBB")]


def test_weights_are_bought_at_the_next_open_and_shifted_at_the_one_after_their_change():
    report = run(two([FLAT] * 5, [FLAT] * 5), Targets({0: (0.5, 0.3), 2: (0.2, 0.6)}), account=CASH)
    trades = report.trades
    assert entries_of(report) == [(1, 100.0), (1, 100.0), (1, 100.0)]
    # Thirty of the fifty are sold; what is left of both is open at the end.
    assert trades.size.tolist() == [30.0, 20.0, 60.0]
    assert exits_of(report)[0] == (3, 100.0, "rebalance")
    assert_array_equal(report.exposure, [0.0, 0.8, 0.8, 0.8, 0.8])


def test_what_shrinks_is_sold_before_what_grows_is_bought():
    report = run(two([FLAT] * 5, [FLAT] * 5), Targets({0: (0.0, 1.0), 2: (1.0, 0.0)}), account=CASH)
    trades = report.trades
    assert dict(zip(trades.symbol.tolist(), trades.size.tolist(), strict=True)) == {"AAA": 99.0, "BBB": 99.0}
    assert report.exposure[3] == pytest.approx(0.99)


def test_what_the_cash_does_not_reach_for_is_cut_for_all_alike_and_noted():
    report = run(
        two([FLAT] * 3, [FLAT] * 3),
        Targets({0: (0.5, 0.5)}),
        account=Account(cash=10_000.0, lot_step=0.001),
        costs=Costs(commission_rate=0.05),
    )
    assert_allclose(report.trades.size, [47.619, 47.619])
    assert [note[1:] for note in notes_of(report)] == [("buy", 50.0, pytest.approx(47.619), "shrunk_to_cash")] * 2
    assert report.cash[-1] >= 0.0


def test_the_entry_price_of_what_was_added_to_is_the_mean():
    rising = [FLAT, FLAT, (200.0, 200.0, 200.0, 200.0), (200.0, 200.0, 200.0, 200.0)]
    report = run(ohlc(*rising), Targets({0: (0.4,), 1: (0.8,)}), account=CASH)
    # 40 at 100; at 200 the equity is 14,000, of which 80 % are 56 units: 16 more.
    assert report.trades.size.tolist() == [56.0]
    assert report.trades.entry_price[0] == pytest.approx((40 * 100.0 + 16 * 200.0) / 56)
    assert report.equity[-1] == 14_000.0


def test_a_negative_weight_is_a_short_and_a_change_of_sign_closes_first():
    falling = [FLAT, FLAT, FLAT, (80.0, 80.0, 80.0, 80.0), (80.0, 80.0, 80.0, 80.0)]
    report = run(ohlc(*falling), Targets({0: (-0.5,), 2: (0.5,)}), account=CASH)
    assert report.trades.side.tolist() == ["short", "long"]
    assert report.trades.pnl[0] == 50 * 20.0
    assert report.trades.size[1] == np.floor(11_000.0 * 0.5 / 80.0)


def test_a_symbol_without_a_bar_waits_for_its_next_one():
    every_day, late = ohlc(*[FLAT] * 5, symbol="AAA"), ohlc(*[FLAT] * 2, symbol="BBB", start=3)
    early = ohlc(FLAT, symbol="BBB")
    bars = type(late).from_arrays(
        symbol="BBB",
        timeframe="1d",
        **{
            name: np.concatenate((getattr(early, name), getattr(late, name)))
            for name in ("time", "open", "high", "low", "close", "volume")
        },
    )
    report = run([every_day, bars], Targets({0: (0.3, 0.3)}), account=CASH)
    assert sorted(entries_of(report)) == [(1, 100.0), (3, 100.0)]
    assert_array_equal(report.time, every_day.time)


def test_stops_protect_a_portfolio_too():
    falling = [FLAT, FLAT, (100.0, 100.0, 80.0, 85.0), FLAT]
    exits = Exits(stop_loss=FractionDistance(frac=0.1))
    report = run(ohlc(*falling), Targets({0: (0.5,)}), account=CASH, exits=exits)
    assert exits_of(report) == [(2, 90.0, "stop_loss")]


def test_the_order_in_which_symbols_are_given_changes_nothing():
    bars = two([FLAT, FLAT, (90.0, 95.0, 90.0, 95.0), FLAT], [FLAT, FLAT, (110.0, 112.0, 108.0, 109.0), FLAT])
    there, back = (run(given, Targets({0: (0.9, 0.9), 1: (0.4, 0.6)}), account=CASH) for given in (bars, bars[::-1]))
    assert there.equity.tobytes() == back.equity.tobytes()
    assert there.symbols == back.symbols == ("AAA", "BBB")
    for name, column in there.trades.columns().items():
        assert column.tobytes() == back.trades.columns()[name].tobytes()


def test_signals_of_several_symbols_share_the_cash_in_the_order_of_their_names():
    bars = two([FLAT] * 3, [FLAT] * 3)
    for given in (bars, bars[::-1]):
        report = run(given, Orders(), account=CASH)
        assert report.trades.symbol.tolist() == ["AAA"]
        assert [(note[2], note[4]) for note in notes_of(report)] == [(pytest.approx(1.0), "below_lot")]


def test_the_benchmark_spreads_its_money_evenly():
    bars = two([FLAT, (150.0, 150.0, 150.0, 150.0)], [FLAT, (50.0, 50.0, 50.0, 50.0)])
    assert_array_equal(run(bars, Orders(at=())).benchmark, [1.0, 1.0])


def test_series_that_do_not_belong_together_are_refused():
    with pytest.raises(DomainError, match="must be given once"):
        run([ohlc(FLAT, FLAT), ohlc(FLAT, FLAT)], Orders())
    with pytest.raises(DomainError, match="at least one symbol, was given none"):
        run([], Orders())
