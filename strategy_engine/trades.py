"""The trades of a backtest: one array a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from market_data.bars import BoolArray, FloatArray, IntArray
from strategy_engine.simulation.layout import BY_END, EXIT_REASONS
from strategy_engine.simulation.records import Records, excursions

if TYPE_CHECKING:
    import pandas as pd

TextArray = NDArray[np.str_]

_REASONS: Final = np.array(EXIT_REASONS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trades:
    """Aligned, read-only columns of shape (trades,), in the order of entry; a row for each part that was left.

    side: "long" or "short". size: units, > 0. entry_time, exit_time: int64 ns UTC, the open of the bar of the
    fill. entry_price: of a position that was added to, the mean. pnl: currency, net of fees. fees: currency,
    commission at entry, in proportion to the part, and at exit, and what borrowing cost. return_frac: pnl as a
    fraction of size * entry_price. exit_reason: "signal", "stop_loss", "take_profit", "trailing_stop",
    "time_stop", "ladder", "rebalance", "liquidation" or "end_of_data". is_open: still held after the last
    bar; such a trade shows the last bar and its close as exit, pays no exit fee, and its pnl is unrealised.
    initial_risk: currency from the entry to the first stop; r_multiple: pnl over that; both NaN without a
    stop. mae_frac, mfe_frac: the furthest that the price went against and for the trade, as fractions >= 0 of
    the entry price; see `simulation.records.excursions` for which bars count.
    """

    symbol: TextArray
    side: TextArray
    size: FloatArray
    entry_time: IntArray
    entry_price: FloatArray
    exit_time: IntArray
    exit_price: FloatArray
    pnl: FloatArray
    fees: FloatArray
    return_frac: FloatArray
    exit_reason: TextArray
    is_open: BoolArray
    initial_risk: FloatArray
    r_multiple: FloatArray
    mae_frac: FloatArray
    mfe_frac: FloatArray

    def __post_init__(self) -> None:
        for column in self.columns().values():
            column.flags.writeable = False

    @classmethod
    def from_records(
        cls, records: Records, *, symbols: Sequence[str], time: IntArray, prices: tuple[FloatArray, ...]
    ) -> Self:
        """Return the trades of a simulation. prices: high, low and close, each of shape (n, m)."""
        size = np.abs(records.size)
        value = size * records.entry_price
        fees = records.exit_fee + records.entry_fee
        pnl = records.size * (records.exit_price - records.entry_price) - fees
        risk = size * records.risk
        mae, mfe = excursions(
            records.symbol,
            records.entry_bar,
            records.exit_bar,
            records.size,
            records.entry_price,
            records.exit_price,
            records.is_from_open,
            records.reason == BY_END,
            *prices,
        )
        return cls(
            symbol=np.full(len(size), symbols[0]) if len(symbols) == 1 else np.array(symbols)[records.symbol],
            side=np.where(records.size > 0.0, "long", "short"),
            size=size,
            entry_time=time[records.entry_bar],
            entry_price=records.entry_price,
            exit_time=time[records.exit_bar],
            exit_price=records.exit_price,
            pnl=pnl,
            fees=fees,
            return_frac=pnl / value,
            exit_reason=_REASONS[records.reason],
            is_open=records.is_open,
            initial_risk=risk,
            r_multiple=pnl / risk,
            mae_frac=mae,
            mfe_frac=mfe,
        )

    def __len__(self) -> int:
        return len(self.size)

    def columns(self) -> dict[str, NDArray[Any]]:  # Any: each has its own type
        """Return every column by its name, in order, as it is held; ready for a Parquet table."""
        return {name: getattr(self, name) for name in _NAMES}

    def to_pandas(self) -> pd.DataFrame:
        """Return a frame with every column, in order; times as UTC timestamps."""
        import pandas as pd  # noqa: PLC0415 -- slow to import, and a worker that writes Parquet needs none of it

        times = {name: pd.to_datetime(getattr(self, name), utc=True) for name in ("entry_time", "exit_time")}
        return pd.DataFrame({**self.columns(), **times})


_NAMES: Final = tuple(field.name for field in fields(Trades))
