from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market_data.errors import ImportRefused
from market_data.import_file import ImportChunk, read_chunks

JANUARY_2_NS = 1_577_923_200_000_000_000
COLUMNS = {
    "symbol": pa.array(["AAPL", "MSFT", "AAPL"]),
    "date": pa.array(["2020-01-02", "2020-01-02", "2020-01-03"]),
    "open": pa.array([10.0, 20.0, 11.0]),
    "high": pa.array([12.0, 22.0, 13.0]),
    "low": pa.array([9.0, 19.0, 10.0]),
    "close": pa.array([11.0, 21.0, 12.0]),
    "volume": pa.array([100, 200, 300]),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "prices.parquet"


def read(path, table: dict | None = None, *, timeframe="1d", chunk_rows=50_000) -> list[ImportChunk]:
    if table is not None:
        pq.write_table(pa.table(table), path)
    return list(read_chunks(path, timeframe=timeframe, file_format="parquet", chunk_rows=chunk_rows))


def test_rows_become_columns_and_count_from_one(path):
    chunks = read(path, COLUMNS, chunk_rows=2)
    assert [(chunk.first_line, len(chunk)) for chunk in chunks] == [(1, 2), (3, 1)]
    assert chunks[0].symbol.tolist() == ["AAPL", "MSFT"]
    assert chunks[0].time.tolist() == [JANUARY_2_NS, JANUARY_2_NS]
    assert chunks[1].close.tolist() == [12.0]
    assert chunks[0].volume.dtype == "float64"


@pytest.mark.parametrize(
    "dates",
    [
        pa.array(["2020-01-02"] * 3),
        pa.array(["2020-01-02"] * 3).dictionary_encode(),
        pa.array(["2020-01-02"] * 3, pa.large_string()),
        pa.array([date(2020, 1, 2)] * 3, pa.date32()),
        pa.array([date(2020, 1, 2)] * 3, pa.date64()),
        *(pa.array([datetime(2020, 1, 2)] * 3, pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),  # noqa: DTZ001
        pa.array([datetime(2020, 1, 2, tzinfo=UTC)] * 3, pa.timestamp("us", "America/New_York")),
    ],
)
def test_dates_of_every_type_are_read(path, dates):
    (chunk,) = read(path, COLUMNS | {"date": dates})
    assert chunk.time.tolist() == [JANUARY_2_NS] * 3


@pytest.mark.parametrize("dtype", [pa.int32(), pa.float32(), pa.decimal128(10, 2)])
def test_numbers_of_every_type_are_read(path, dtype):
    values = [Decimal("9.00")] * 3 if pa.types.is_decimal(dtype) else [9] * 3
    (chunk,) = read(path, COLUMNS | {"low": pa.array(values, dtype)})
    assert chunk.low.tolist() == [9.0] * 3


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"symbol": pa.array(["AAPL", "../x", "A"])}, "^line 2: a symbol must be"),
        ({"symbol": pa.array(["AAPL", "MSFT", None])}, r"^line 3: a symbol must be .* was ''$"),
        ({"symbol": pa.array([b"A", b"\xff", b"B"]).view(pa.string())}, "^line 2: symbol must be UTF-8$"),
        ({"symbol": pa.array([1, 2, 3])}, "^column symbol must hold text, was int64$"),
        (
            {"date": pa.array(["2020-01-02", "soon", "later"])},
            "^line 2: date must be an ISO date .* was 'soon'$",
        ),
        ({"date": pa.array([date(2020, 1, 2), None, None])}, "^line 2: date is missing$"),
        (
            {"date": pa.array([0, 1, 2], pa.timestamp("ms"))},
            "^line 2: date of a 1d bar must be at 00:00 UTC, was 1970",
        ),
        (
            {"date": pa.array([0, 2**50, 2**50], pa.timestamp("s"))},
            r"^line 2: date must be from 1678 to 2261, was \d+ as timestamp",
        ),
        ({"date": pa.array([1, 2, 3])}, "^column date must hold text, a date or a timestamp, was int64$"),
        ({"open": pa.array(["10", "20", "11"])}, "^column open must hold numbers, was string$"),
        ({"open": pa.array([10.0, None, 11.0])}, "^line 2: open must be finite and > 0, was nan$"),
        ({"high": pa.array([12.0, 22.0, 1.0])}, r"^line 3: high 1\.0 below low 10\.0$"),
        ({"adj_close": pa.array([1.0, 1.0, 1.0])}, "unknown column 'adj_close'$"),
    ],
)
def test_faults_are_named_with_their_row(path, change, text):
    with pytest.raises(ImportRefused, match=text):
        read(path, COLUMNS | change)


def test_a_fault_in_a_later_batch_names_its_row_in_the_file(path):
    with pytest.raises(ImportRefused, match=r"^line 3: "):
        read(path, COLUMNS | {"low": pa.array([9.0, 19.0, 12.5])}, chunk_rows=1)


def test_a_missing_column_is_named(path):
    with pytest.raises(ImportRefused, match=r"missing volume$"):
        read(path, {name: column for name, column in COLUMNS.items() if name != "volume"})


def test_a_file_without_rows_is_refused(path):
    with pytest.raises(ImportRefused, match="no rows"):
        read(path, {name: column[:0] for name, column in COLUMNS.items()})


def test_a_missing_file_is_no_fault_of_its_content(path):
    with pytest.raises(FileNotFoundError):
        read(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_anything_but_parquet_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ImportRefused, match="cannot be read as Parquet"):
        read(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_truncated_file_is_refused(path, data):
    pq.write_table(pa.table(COLUMNS), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ImportRefused, match="cannot be read as Parquet"):
        read(path)
