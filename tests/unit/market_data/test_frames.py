import numpy as np
import pandas as pd
import pytest

from market_data.bars import Bars
from market_data.errors import BarsInvalid

PRICES = {"Open": [1.0, 2.0], "High": [3.0, 3.0], "Low": [1.0, 1.0], "Close": [2.0, 2.0]}
JANUARY_NS = 1_704_067_200_000_000_000  # 2024-01-01T00:00Z
DAY_NS = 86_400_000_000_000


def read(frame: pd.DataFrame, timeframe: str = "1d") -> Bars:
    return Bars.from_pandas(frame, symbol="TEST", timeframe=timeframe)


def test_a_naive_index_is_utc_and_a_missing_volume_is_zero():
    bars = read(pd.DataFrame(PRICES, index=pd.date_range("2024-01-01", periods=2)))
    assert bars.time.tolist() == [JANUARY_NS, JANUARY_NS + DAY_NS]
    assert bars.volume.tolist() == [0.0, 0.0]


def test_intraday_times_with_a_zone_are_converted():
    index = pd.date_range("2024-01-01 01:00", periods=2, freq="h", tz="Europe/Berlin")
    assert read(pd.DataFrame(PRICES, index=index), "1h").time[0] == JANUARY_NS


def test_daily_times_keep_the_date_of_their_own_clock():
    index = pd.date_range("2024-01-01", periods=2, tz="America/New_York")
    assert read(pd.DataFrame(PRICES, index=index)).time.tolist() == [JANUARY_NS, JANUARY_NS + DAY_NS]


@pytest.mark.parametrize("name", ["date", "Date", "time", " TIME "])
@pytest.mark.parametrize(
    "times",
    [["2024-01-01", "2024-01-02"], pd.date_range("2024-01-01", periods=2), [JANUARY_NS, JANUARY_NS + DAY_NS]],
)
def test_times_may_stand_in_a_column(name, times):
    assert read(pd.DataFrame({name: times, **PRICES})).time[1] == JANUARY_NS + DAY_NS


def test_names_are_read_in_any_case_and_other_columns_left_alone():
    frame = pd.DataFrame(
        {"OPEN": [1.0], "high": [3.0], "Low": [1.0], "cLoSe": [2.0], "VOLUME": [7], "Dividends": ["x"]},
        index=pd.DatetimeIndex(["2024-01-01"]),
    )
    assert read(frame).volume.tolist() == [7.0]


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (pd.DataFrame({"Open": [1.0]}), "missing high, low, close"),
        (pd.DataFrame(PRICES), "must have a DatetimeIndex or a column time or date, had RangeIndex"),
        (pd.DataFrame({"date": ["soon", "later"], **PRICES}), "column date must hold times"),
        (pd.DataFrame({**PRICES, "open": [1.0, 2.0]}), "must have one column open, had two"),
        (
            pd.DataFrame({**PRICES, "Open": ["1", "2"], "date": ["2024-01-01", "2024-01-02"]}),
            "open must hold numbers",
        ),
        (
            pd.DataFrame({**PRICES, "Open": [1.0, np.nan], "date": ["2024-01-01", "2024-01-02"]}),
            "open must be finite",
        ),
        (pd.DataFrame({**PRICES, "date": ["2024-01-01", None]}), "time must be a date"),
    ],
)
def test_faults_of_a_frame_are_named(frame, text):
    with pytest.raises(BarsInvalid, match=text):
        read(frame)
