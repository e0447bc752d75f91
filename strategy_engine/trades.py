"""The trades of a backtest: one array a column."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from market_data.bars import Bars, BoolArray, FloatArray, IntArray
from strategy_engine.costs import Costs
from strategy_engine.simulate import Ledger

if TYPE_CHECKING:
    import pandas as pd

TextArray = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trades:
    """Aligned, read-only columns of shape (trades,), in the order of entry.

    side: "long" or "short". size: units, > 0. entry_time, exit_time: int64 ns UTC, the open of the bar of the
    fill. pnl: currency, net of the fees on both sides. fees: currency, entry and exit. return_frac: pnl as a
    fraction of size * entry_price. exit_reason: "signal" or "end_of_data". is_open: still held after the last
    bar; such a trade shows the last bar and its close as exit, pays no exit fee, and its pnl is unrealised.
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

    def __post_init__(self) -> None:
        for column in self.columns().values():
            column.flags.writeable = False

    @classmethod
    def from_ledger(cls, ledger: Ledger, *, bars: Bars, costs: Costs) -> Self:
        """Return the trades that a simulation over `bars` recorded."""
        count = len(ledger.size)
        is_open = np.zeros(count, np.bool_)
        if ledger.ends_open:
            is_open[-1] = True
        entry_value = ledger.size * ledger.entry_price
        exit_fee = np.where(is_open, 0.0, ledger.size * ledger.exit_price * costs.commission_rate)
        fees = exit_fee + entry_value * costs.commission_rate
        pnl = ledger.size * (ledger.exit_price - ledger.entry_price) - fees
        return cls(
            symbol=np.full(count, bars.symbol),
            side=np.full(count, "long"),
            size=ledger.size,
            entry_time=bars.time[ledger.entry_bar],
            entry_price=ledger.entry_price,
            exit_time=bars.time[ledger.exit_bar],
            exit_price=ledger.exit_price,
            pnl=pnl,
            fees=fees,
            return_frac=pnl / entry_value,
            exit_reason=np.where(is_open, "end_of_data", "signal"),
            is_open=is_open,
        )

    def __len__(self) -> int:
        return len(self.size)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return every column by its name, in order, as it is held; ready for a Parquet table."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to_pandas(self) -> pd.DataFrame:
        """Return a frame with every column, in order; times as UTC timestamps."""
        import pandas as pd  # noqa: PLC0415 -- slow to import, and a worker that writes Parquet needs none of it

        times = {name: pd.to_datetime(getattr(self, name), utc=True) for name in ("entry_time", "exit_time")}
        return pd.DataFrame({**self.columns(), **times})
