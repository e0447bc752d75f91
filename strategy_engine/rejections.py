"""The orders that did not fill as they were asked for: one array a column."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from market_data.bars import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

# Each one by the number that the kernels give it.
REASONS: Final = (
    "below_lot",  # less than one lot is left after rounding down
    "below_min_notional",  # worth less than the account's smallest order
    "no_cash",  # the account can pay for nothing
    "shrunk_to_cash",  # cut to what the account can pay, or under backtesting_py dropped for that
    "volume",  # cut to the share of the bar's volume that an order may take
    "no_stop",  # sized or aimed by its risk, and there is no stop to measure it by
    "no_edge",  # Kelly's formula says to bet nothing
    "no_volatility",  # sized by volatility, and there is none yet
    "expired",  # its price was not reached in time
    "replaced",  # a later decision came before its price did
    "margin_call",  # not an order: the account fell below its maintenance margin and was liquidated
    "ruined",  # nothing is left to trade with
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rejections:
    """Aligned, read-only columns of shape (rejections,), in the order in which they happened.

    time: int64 ns UTC, the open of the bar. side: "buy" or "sell". asked, filled: units, >= 0. reason: one of
    REASONS.
    """

    time: IntArray
    symbol: NDArray[np.str_]
    side: NDArray[np.str_]
    asked: FloatArray
    filled: FloatArray
    reason: NDArray[np.str_]

    def __post_init__(self) -> None:
        for column in self.columns().values():
            column.flags.writeable = False

    def __len__(self) -> int:
        return len(self.time)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return every column by its name, in order, as it is held; ready for a Parquet table."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to_pandas(self) -> pd.DataFrame:
        """Return a frame with every column, in order; times as UTC timestamps."""
        import pandas as pd  # noqa: PLC0415 -- slow to import, and a worker that writes Parquet needs none of it

        return pd.DataFrame({**self.columns(), "time": pd.to_datetime(self.time, utc=True)})
