"""Bars from files: what is a bar, what is not, and which file wins."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from training.errors import DataRefused
from training.suggestion.price_files import made_up_prices, read_prices


def frame(symbol="AA", n=5, **changed):
    days = pd.bdate_range("2015-01-01", periods=n)
    columns = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 100}
    return pd.DataFrame({"symbol": symbol, "date": days, **columns}).assign(**changed)


def written(path, *frames):
    pd.concat(frames).to_parquet(path)
    return path


def test_bars_come_sorted_by_symbol_and_date(tmp_path):
    path = written(tmp_path / "a.parquet", frame("BB")[::-1], frame("AA"))
    table = read_prices([path], max_symbols=None)
    assert [(one.symbol, len(one)) for one in table.bars] == [("AA", 5), ("BB", 5)]
    assert table.n_dropped == 0
    assert table.source.names == ("a.parquet",)


@pytest.mark.parametrize(
    "fault",
    [
        {"close": np.nan},
        {"open": 0.0},
        {"low": 10.2},
        {"high": 10.4},
        {"close": np.inf},
        {"volume": -1.0},
        {"volume": np.inf},
    ],
    ids=str,
)
def test_rows_that_are_no_bars_are_dropped_and_counted(tmp_path, fault):
    bad = frame(n=7)[5:].assign(**fault)
    table = read_prices([written(tmp_path / "a.parquet", frame(), bad)], max_symbols=None)
    assert (len(table.bars[0]), table.n_dropped) == (5, 2)


def test_a_date_that_comes_twice_counts_once(tmp_path):
    table = read_prices([written(tmp_path / "a.parquet", frame(), frame())], max_symbols=None)
    assert (len(table.bars[0]), table.n_dropped) == (5, 5)


def test_the_first_file_that_has_a_symbol_gives_all_its_bars(tmp_path):
    first = written(tmp_path / "a.parquet", frame("AA", n=3))
    second = written(tmp_path / "b.parquet", frame("AA", n=9), frame("BB", n=4))
    table = read_prices([first, second], max_symbols=None)
    assert [(one.symbol, len(one)) for one in table.bars] == [("AA", 3), ("BB", 4)]


def test_times_of_an_export_in_utc_are_taken_as_dates(tmp_path):
    times = frame().assign(time=lambda rows: rows["date"].dt.tz_localize("UTC")).drop(columns="date")
    table = read_prices([written(tmp_path / "a.parquet", times)], max_symbols=None)
    assert str(table.bars[0].time_utc(0).date()) == "2015-01-01"


def test_of_date_and_time_the_date_is_taken(tmp_path):
    both = frame().assign(time=lambda rows: rows["date"] + pd.Timedelta(days=400))
    table = read_prices([written(tmp_path / "a.parquet", both)], max_symbols=None)
    assert str(table.first_day) == "2015-01-01"


def test_only_what_is_asked_for_is_read(tmp_path):
    path = written(tmp_path / "a.parquet", frame("AA"), frame("BB"), frame("CC"))
    table = read_prices([path], max_symbols=2).since(date(2015, 1, 5))
    assert [(one.symbol, str(one.time_utc(0).date())) for one in table.bars] == [
        ("AA", "2015-01-05"),
        ("BB", "2015-01-05"),
    ]


def test_a_file_without_the_columns_is_refused_by_their_names(tmp_path):
    path = written(tmp_path / "a.parquet", frame().drop(columns=["high", "volume"]))
    with pytest.raises(DataRefused, match=r"it lacks \['high', 'volume'\]"):
        read_prices([path], max_symbols=None)


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "a.parquet").write_text("symbol,date")
    with pytest.raises(DataRefused, match="must be a Parquet file"):
        read_prices([tmp_path / "a.parquet"], max_symbols=None)


def test_files_without_a_bar_are_refused(tmp_path):
    with pytest.raises(DataRefused, match="the files held none"):
        read_prices([written(tmp_path / "a.parquet", frame(close=0.0))], max_symbols=None)


def test_symbols_that_ended_before_a_day_are_left_out_of_what_came_since(tmp_path):
    path = written(tmp_path / "a.parquet", frame("AA", n=3), frame("BB", n=30))
    table = read_prices([path], max_symbols=None)
    assert (str(table.first_day), str(table.last_day)) == ("2015-01-01", "2015-02-11")
    assert [one.symbol for one in table.since(date(2015, 1, 20)).bars] == ["BB"]


def test_the_hash_names_the_content(tmp_path):
    one, other = (written(tmp_path / f"{i}.parquet", frame(close=10.5 + i / 10)) for i in range(2))
    hashes = [read_prices([path], max_symbols=None).source.sha256 for path in (one, other, one)]
    assert hashes[0] == hashes[2] != hashes[1]


def test_made_up_prices_say_so_and_repeat_themselves():
    first, again, other = (made_up_prices(2, seed=seed).source for seed in (1, 1, 2))
    assert first.is_synthetic
    assert first.sha256 == again.sha256 != other.sha256
