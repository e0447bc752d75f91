import hashlib
import pickle
import struct
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.bars import COLUMNS, PRICE_COLUMNS, VALUE_COLUMNS, Bars
from market_data.errors import BarsInvalid, DomainError, InvalidSymbol
from market_data.timeframe import NS_PER_DAY, TIMEFRAMES

PRICES = st.floats(min_value=1e-6, max_value=1e9)


@st.composite
def columns(draw, *, least: int = 0):
    """Return from_arrays' arguments of valid bars."""
    count = draw(st.integers(least, 12))
    timeframe = draw(st.sampled_from(TIMEFRAMES))
    unit = NS_PER_DAY if timeframe in ("1d", "1w") else 1
    times = sorted(draw(st.sets(st.integers(-30_000, 30_000), min_size=count, max_size=count)))
    prices = [sorted(draw(st.lists(PRICES, min_size=4, max_size=4))) for _ in range(count)]
    swaps = [draw(st.booleans()) for _ in range(count)]
    inner = [(p[2], p[1]) if swap else (p[1], p[2]) for p, swap in zip(prices, swaps, strict=True)]
    volumes = [draw(st.floats(min_value=0, max_value=1e15)) for _ in range(count)]
    return {
        "symbol": "TEST",
        "timeframe": timeframe,
        "time": np.array(times, dtype=np.int64) * unit,
        "open": np.array([o for o, _ in inner], dtype=np.float64),
        "high": np.array([p[3] for p in prices], dtype=np.float64),
        "low": np.array([p[0] for p in prices], dtype=np.float64),
        "close": np.array([c for _, c in inner], dtype=np.float64),
        "volume": np.array(volumes, dtype=np.float64),
    }


def week(**changes) -> dict:
    days = {
        "symbol": "TEST",
        "timeframe": "1d",
        "time": np.arange(5, dtype=np.int64) * NS_PER_DAY,
        "open": np.array([10.0, 11.0, 12.0, 11.0, 10.0]),
        "high": np.array([11.0, 12.0, 13.0, 12.0, 11.0]),
        "low": np.array([9.0, 10.0, 11.0, 10.0, 9.0]),
        "close": np.array([10.5, 11.5, 11.5, 10.5, 10.5]),
        "volume": np.array([100.0, 0.0, 300.0, 400.0, 500.0]),
    }
    return days | changes


def changed(name: str, i: int, value: float) -> dict:
    days = week()
    days[name][i] = value
    return days


@given(columns())
def test_valid_columns_are_taken_as_they_are(given_columns):
    bars = Bars.from_arrays(**given_columns)
    assert len(bars) == len(given_columns["time"])
    for name in COLUMNS:
        column = getattr(bars, name)
        np.testing.assert_array_equal(column, given_columns[name])
        assert not column.flags.writeable
        assert column.flags.c_contiguous
        assert type(column) is np.ndarray


@given(columns(least=1), st.data())
def test_any_single_corruption_is_refused(given_columns, data):
    i = data.draw(st.integers(0, len(given_columns["time"]) - 1))
    name = data.draw(st.sampled_from(VALUE_COLUMNS))
    bad = [np.nan, np.inf, -np.inf, -1.0]
    if name != "volume":
        bad.append(0.0)
    if name == "low":
        bad.append(given_columns["high"][i] * 2)
    if name == "high":
        bad.append(given_columns["low"][i] / 2)
    if name in ("open", "close"):
        bad += [given_columns["high"][i] * 2, given_columns["low"][i] / 2]
    given_columns[name][i] = data.draw(st.sampled_from(bad))
    with pytest.raises(BarsInvalid, match=rf"bar {i} at .* was open .*, volume "):
        Bars.from_arrays(**given_columns)


@given(columns(least=2), st.data())
def test_times_that_do_not_increase_are_refused(given_columns, data):
    i = data.draw(st.integers(1, len(given_columns["time"]) - 1))
    given_columns["time"][i] = given_columns["time"][i - 1]
    with pytest.raises(BarsInvalid, match=rf"bar times must increase; bar {i} was"):
        Bars.from_arrays(**given_columns)


@given(columns(), st.integers(-15, 15), st.integers(-15, 15))
def test_slices_of_bars_are_slices_of_their_columns(given_columns, start, stop):
    bars = Bars.from_arrays(**given_columns)
    part = bars[start:stop]
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(part, name), getattr(bars, name)[start:stop])
        assert np.shares_memory(getattr(part, name), getattr(bars, name)) or len(part) == 0
    assert part.fingerprint() == Bars.from_arrays(**given_columns)[start:stop].fingerprint()


@given(columns(), st.integers(-40_000, 40_000), st.integers(-40_000, 40_000))
def test_between_includes_both_ends(given_columns, start, end):
    unit = NS_PER_DAY if given_columns["timeframe"] in ("1d", "1w") else 1
    bars = Bars.from_arrays(**given_columns)
    expected = [t for t in bars.time.tolist() if start * unit <= t <= end * unit]
    assert bars.between(start * unit, end * unit).time.tolist() == expected


@given(columns(least=1), st.data())
def test_the_fingerprint_changes_with_any_value(given_columns, data):
    before = Bars.from_arrays(**given_columns).fingerprint()
    name = data.draw(st.sampled_from([*COLUMNS, "symbol"]))
    if name == "symbol":
        given_columns["symbol"] = "OTHER"
    elif name == "time":
        given_columns["time"][-1] += NS_PER_DAY
    else:
        i = data.draw(st.integers(0, len(given_columns["time"]) - 1))
        given_columns[name] = given_columns[name].copy()
        given_columns[name][i] = np.nextafter(given_columns[name][i], np.inf)
    assert Bars.trusted(**given_columns).fingerprint() != before


def test_the_fingerprint_is_the_same_on_every_machine():
    bars = Bars.from_arrays(**week())[:1]
    by_hand = b"TEST\n1d\n1\n" + struct.pack("<qddddd", 0, 10.0, 11.0, 9.0, 10.5, 100.0)
    assert bars.fingerprint() == hashlib.sha256(by_hand).hexdigest()


def test_writable_input_is_copied():
    days = week()
    bars = Bars.from_arrays(**days)
    days["close"][0] = 9.5
    assert bars.close[0] == 10.5


def test_read_only_columns_are_taken_without_a_copy():
    days = week()
    for name in COLUMNS:
        days[name].flags.writeable = False
    bars = Bars.from_arrays(**days)
    assert all(np.shares_memory(getattr(bars, name), days[name]) for name in COLUMNS)


def test_memory_mapped_columns_stay_mapped(tmp_path):
    days = week()
    for name in COLUMNS:
        np.save(tmp_path / f"{name}.npy", days[name])
        days[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    for bars in (Bars.from_arrays(**days), Bars.trusted(**days)):
        assert all(np.shares_memory(getattr(bars, name), days[name]) for name in COLUMNS)
    assert bars.fingerprint() == Bars.from_arrays(**week()).fingerprint()


def test_strided_and_big_endian_columns_are_made_plain():
    days = week()
    wide = np.repeat(days["open"], 2)
    wide.flags.writeable = False
    bars = Bars.from_arrays(**days | {"open": wide[::2], "close": days["close"].astype(">f8")})
    assert bars.open.flags.c_contiguous
    assert bars.close.dtype == np.float64
    assert bars.fingerprint() == Bars.from_arrays(**week()).fingerprint()


def test_columns_cannot_be_written_nor_replaced():
    bars = Bars.from_arrays(**week())
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 1.0
    with pytest.raises(FrozenInstanceError):
        bars.close = bars.open


@pytest.mark.parametrize("unit", ["D", "h", "s", "ms", "us", "ns"])
def test_dates_of_any_unit_become_ns(unit):
    dates = np.array(["1970-01-01", "1970-01-02"], dtype=f"datetime64[{unit}]")
    two = {name: week()[name][:2] for name in VALUE_COLUMNS}
    bars = Bars.from_arrays(symbol="A", timeframe="1d", time=dates, **two)
    assert bars.time.tolist() == [0, NS_PER_DAY]


def test_lists_of_numbers_are_accepted():
    bars = Bars.from_arrays(
        symbol="A",
        timeframe="1m",
        time=[1, 2],
        open=[1, 1],
        high=[2, 2],
        low=[1, 1],
        close=[2, 2],
        volume=[0, 0],
    )
    assert bars.close.tolist() == [2.0, 2.0]


def test_no_bars_at_all_are_bars():
    empty = Bars.from_arrays(symbol="A", timeframe="1d", **{name: [] for name in COLUMNS})
    assert len(empty) == 0
    assert repr(empty) == "Bars(A 1d, none)"
    assert len(empty.between(0, 1)) == 0


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (changed("low", 3, 10.6), r"low must be at most open and close; bar 3 at 1970-01-04 .* low 10\.6"),
        (changed("high", 2, 11.9), "high must be at least open and close; bar 2"),
        (changed("open", 1, 0.0), "open must be finite and > 0; bar 1"),
        (changed("close", 1, np.nan), "close must be finite and > 0; bar 1"),
        (changed("volume", 4, -1.0), "volume must be finite and >= 0; bar 4"),
        (changed("time", 1, 1), "must stand at 00:00 UTC of its session; bar 1"),
        (changed("time", 2, NS_PER_DAY), "bar times must increase; bar 2 was 1970-01-02"),
        (week(close=np.ones(4)), "same length; time has 5, close 4"),
        (week(close=np.ones((5, 1))), "column close must be one-dimensional"),
        (week(close=1.0), "column close must be one-dimensional"),
        (week(close=[[1.0], [1.0, 2.0]]), "column close must be one-dimensional"),
        (week(close=["1"] * 5), "column close must hold numbers, was <U1"),
        (week(close=np.ones(5, dtype=bool)), "column close must hold numbers, was bool"),
        (week(close=[None] * 5), "column close must hold numbers, was object"),
        (week(time=np.arange(5.0)), "time must be int64 ns UTC or datetime64, was float64"),
        (week(time=np.full(5, 2**63, dtype=np.uint64)), "time must fit int64"),
        (
            week(time=np.array(["3000-01-01"] * 5, dtype="M8[D]")),
            "time must be a date of the years 1678 to 2261",
        ),
        (week(time=np.array(["NaT"] * 5, dtype="M8[ns]")), "time must be a date .* bar 0 was NaT"),
        (week(time=np.array([1] * 5, dtype="M8[ps]")), "time must be a date"),
        (week(timeframe="2d"), "a timeframe must be one of"),
    ],
)
def test_faults_are_named_with_place_and_values(days, text):
    with pytest.raises(DomainError, match=text):
        Bars.from_arrays(**days)


def test_a_bad_symbol_is_refused():
    with pytest.raises(InvalidSymbol):
        Bars.from_arrays(**week(symbol="../x"))


def test_the_plain_constructor_checks_too():
    with pytest.raises(BarsInvalid, match="read-only float64"):
        Bars(**week(time=Bars.from_arrays(**week()).time))


@pytest.mark.parametrize("rows", [0, slice(None, None, 2), slice(None, None, -1)])
def test_bars_are_sliced_with_step_one_only(rows):
    with pytest.raises(TypeError, match="sliced with step 1"):
        _ = Bars.from_arrays(**week())[rows]


def test_pickled_bars_come_back_read_only():
    bars = Bars.from_arrays(**week())
    restored = pickle.loads(pickle.dumps(bars[1:4]))
    assert restored.fingerprint() == bars[1:4].fingerprint()
    assert not restored.close.flags.writeable


def test_time_utc_is_the_open_of_the_bar():
    bars = Bars.from_arrays(**week())
    assert bars.time_utc(1) == datetime(1970, 1, 2, tzinfo=UTC)
    assert bars.time_utc(-1) == datetime(1970, 1, 5, tzinfo=UTC)
    assert repr(bars) == "Bars(TEST 1d, 5 from 1970-01-01 00:00:00+00:00 to 1970-01-05 00:00:00+00:00)"


@given(columns())
def test_a_frame_brings_the_same_bars_back(given_columns):
    bars = Bars.from_arrays(**given_columns)
    frame = bars.to_pandas()
    assert list(frame.columns) == [*PRICE_COLUMNS, "volume"]
    restored = Bars.from_pandas(frame, symbol=bars.symbol, timeframe=bars.timeframe)
    assert restored.fingerprint() == bars.fingerprint()
