"""Tables as pandas frames. Imported late: pandas takes longer to load than most jobs to run."""

import io
from collections.abc import Sequence

import pandas as pd

from aitrader.client.record import Json

COLUMNS = ["open", "high", "low", "close", "volume"]


def frame_of_parquet(content: bytes) -> pd.DataFrame:
    """Return the table of a Parquet file."""
    return pd.read_parquet(io.BytesIO(content))


def frame_of_bars(bars: Sequence[Json]) -> pd.DataFrame:
    """Return open, high, low, close and volume by the UTC time of each bar's open."""
    time = pd.DatetimeIndex(pd.to_datetime([bar["time"] for bar in bars], utc=True, format="ISO8601"), name="time")
    return pd.DataFrame({name: [float(bar[name]) for bar in bars] for name in COLUMNS}, index=time)
