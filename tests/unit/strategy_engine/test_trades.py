import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from strategy_engine import BuyAndHold, Costs, SmaCross, Trades, run
from tests.unit.strategy_engine.price_series import bars_of, random_bars

COLUMNS = [
    "symbol",
    "side",
    "size",
    "entry_time",
    "entry_price",
    "exit_time",
    "exit_price",
    "pnl",
    "fees",
    "return_frac",
    "exit_reason",
    "is_open",
    "initial_risk",
    "r_multiple",
    "mae_frac",
    "mfe_frac",
]


@pytest.fixture
def trades() -> Trades:
    trades = run(random_bars(400, seed=0), SmaCross(fast=3, slow=8), costs=Costs(commission_rate=0.002)).trades
    assert trades.is_open[-1]  # closed ones and an open one
    return trades


def test_the_columns_are_these_in_this_order(trades):
    assert list(trades.columns()) == COLUMNS
    assert list(trades.to_pandas().columns) == COLUMNS


def test_pnl_is_net_of_the_fees_of_both_sides(trades):
    closed = ~trades.is_open
    gross = trades.size * (trades.exit_price - trades.entry_price)
    fees = 0.002 * trades.size * (trades.entry_price + np.where(closed, trades.exit_price, 0.0))
    assert_allclose(trades.fees, fees, rtol=1e-12)
    assert_allclose(trades.pnl, gross - fees, rtol=1e-9)
    assert_allclose(trades.return_frac, trades.pnl / (trades.size * trades.entry_price), rtol=1e-12)


def test_a_trade_still_held_shows_the_last_close_and_says_that_it_is_open():
    trades = run(bars_of([10.0, 11.0, 12.0], [10.0, 10.5, 11.5]), BuyAndHold()).trades
    assert_array_equal(trades.is_open, [True])
    assert_array_equal(trades.exit_reason, ["end_of_data"])
    assert_array_equal(trades.exit_price, [12.0])
    assert_array_equal(trades.exit_time, [2 * 86_400 * 10**9])


def test_only_the_last_trade_can_be_open(trades):
    assert not trades.is_open[:-1].any()
    assert set(trades.exit_reason[:-1]) == {"signal"}


def test_times_in_a_frame_are_utc_timestamps(trades):
    frame = trades.to_pandas()
    assert frame["entry_time"].iloc[0] == pd.Timestamp(int(trades.entry_time[0]), tz="UTC")
    assert str(frame["exit_time"].dt.tz) == "UTC"


def test_the_columns_make_a_parquet_table(trades):
    table = pa.table(trades.columns())
    assert table.num_rows == len(trades)
    assert table.schema.field("entry_time").type == pa.int64()
    assert table.schema.field("side").type == pa.string()


def test_no_trades_are_empty_columns_of_the_same_types(trades):
    none = run(bars_of([10.0, 11.0]), SmaCross()).trades
    assert len(none) == 0
    assert {name: column.dtype.kind for name, column in none.columns().items()} == {
        name: column.dtype.kind for name, column in trades.columns().items()
    }
    assert none.to_pandas().empty


def test_trades_cannot_be_changed(trades):
    with pytest.raises(ValueError, match="read-only"):
        trades.pnl[0] = 1e9
