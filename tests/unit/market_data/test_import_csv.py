import csv
import math
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from market_data import import_csv
from market_data.errors import ImportRefused
from market_data.import_file import ImportChunk, read_chunks
from market_data.import_rules import IMPORT_COLUMNS, NUMBER_COLUMNS

HEADER = "symbol,date,open,high,low,close,volume\n"
ROW = "AAPL,2020-01-02,10,12,9,11,1000\n"
MANY = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path: Path, content: str | bytes, *, timeframe="1d", chunk_rows=50_000) -> list[ImportChunk]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_chunks(path, timeframe=timeframe, file_format="csv", chunk_rows=chunk_rows))


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "prices.csv"


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(import_csv, "BLOCK_BYTES", 100)


def test_rows_become_columns(path):
    (chunk,) = read(path, HEADER + ROW + "BRK.B,2020-01-03,1.5,1e1,.5,2,0\n")
    assert chunk.first_line == 2
    assert chunk.symbol.tolist() == ["AAPL", "BRK.B"]
    assert chunk.time.tolist() == [1_577_923_200_000_000_000, 1_578_009_600_000_000_000]
    assert chunk.open.tolist() == [10.0, 1.5]
    assert chunk.high.tolist() == [12.0, 10.0]
    assert chunk.low.tolist() == [9.0, 0.5]
    assert chunk.close.tolist() == [11.0, 2.0]
    assert chunk.volume.tolist() == [1000.0, 0.0]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + HEADER + ROW,
        (HEADER + ROW).replace("\n", "\r\n"),
        HEADER + ROW.rstrip("\n"),
        HEADER + ROW + "\n\n",
        HEADER + ROW + "\r\n  \r\n\t\n ",
        HEADER.upper() + ROW,
        " Symbol , date,Open,high,low,close, VOLUME \n" + ROW,
        HEADER + '"AAPL","2020-01-02","10","12","9","11","1000"\n',
        HEADER + "AAPL,2020-01-02, 10 ,12,9,11,1000\n",
        "volume,close,low,high,open,date,symbol\n1000,11,9,12,10,2020-01-02,AAPL\n",
    ],
)
def test_spellings_of_the_same_row_are_read_alike(path, content):
    (chunk,) = read(path, content)
    assert (chunk.first_line, len(chunk)) == (2, 1)
    assert [getattr(chunk, name)[0] for name in ("symbol", "time", *NUMBER_COLUMNS)] == [
        "AAPL",
        1_577_923_200_000_000_000,
        10.0,
        12.0,
        9.0,
        11.0,
        1000.0,
    ]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2020-01-02", "2020-01-02T00:00:00"),
        ("2020-01-02T10:30", "2020-01-02T10:30:00"),
        ("2020-01-02 10:30:15", "2020-01-02T10:30:15"),
        ("2020-01-02T10:30:15.250", "2020-01-02T10:30:15.250"),
        ("2020-01-02T10:30Z", "2020-01-02T10:30:00"),
        ("2020-01-02T10:30:00+05:30", "2020-01-02T05:00:00"),
        ("2020-01-02T22:30:00-0500", "2020-01-03T03:30:00"),
        ("2020-01-02 10:30:00.5+01", "2020-01-02T09:30:00.5"),
    ],
)
def test_dates_are_iso_and_naive_ones_are_utc(path, date, expected):
    (chunk,) = read(path, HEADER + ROW.replace("2020-01-02", date), timeframe="1m")
    instant = datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert chunk.time.tolist() == [round(instant.timestamp() * 1e6) * 1000]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "^the file is empty$"),
        ("\ufeff", "^the file is empty$"),
        ("\n \n", "^the file is empty$"),
        (HEADER, "^the file has a header but no rows$"),
        (HEADER.strip(), "^the file has a header but no rows$"),
        (HEADER + "\n\n", "^the file has a header but no rows$"),
        ("symbol,date,open,high,close\n" + ROW, "^line 1: the columns must be .*; missing low, volume$"),
        ("symbol,date,open,high,low,close,volume,adj\n", "^line 1: .* unknown column 'adj'$"),
        ("symbol,date,open,high,low,close,volume,open\n", "^line 1: .* each once"),
        (ROW, "^line 1: .* missing symbol"),
        (HEADER + ROW + "AAPL,2020-01-03,1,2,1,2\n", "^line 3: a row must have 7 fields, was 6$"),
        (HEADER + ROW + "AAPL,2020-01-03,1,2,1,2,3,4\n", "^line 3: a row must have 7 fields, was 8$"),
        (HEADER + ROW + "\n" + ROW, "^line 3: blank lines may only stand at the end"),
        (HEADER + "\n" + ROW, "^line 2: blank lines may only stand at the end"),
        (HEADER + ROW.replace("10", "ten"), "^line 2: open must be a number, was 'ten'$"),
        (HEADER + ROW.replace("1000", "1_000"), "^line 2: volume must be a number, was '1_000'$"),
        (HEADER + ROW.replace("1000", ""), "^line 2: volume must be a number, was ''$"),
        (HEADER + ROW.replace("10,", "nan,"), "^line 2: open must be finite and > 0, was nan$"),
        (HEADER + ROW.replace("12", "inf"), "^line 2: high must be finite and > 0, was inf$"),
        (HEADER + ROW.replace("1000", "1e999"), "^line 2: volume must be finite and >= 0, was inf$"),
        (HEADER + ROW.replace("1000", "-1"), r"^line 2: volume must be finite and >= 0, was -1\.0$"),
        (HEADER + ROW.replace("9", "0"), r"^line 2: low must be finite and > 0, was 0\.0$"),
        (HEADER + ROW.replace("12", "8"), r"^line 2: high 8\.0 below low 9\.0$"),
        (HEADER + ROW.replace("10,", "8,"), r"^line 2: open 8\.0 below low 9\.0$"),
        (HEADER + ROW.replace("11", "13"), r"^line 2: high 12\.0 below close 13\.0$"),
        (
            HEADER + ROW.replace("2020-01-02", "2020-02-30"),
            "^line 2: date must be an ISO date .* was '2020-02-30'$",
        ),
        (HEADER + ROW.replace("2020-01-02", "01/02/2020"), "^line 2: date must be an ISO date"),
        (HEADER + ROW.replace("2020-01-02", ""), "^line 2: date must be an ISO date .* was ''$"),
        (HEADER + ROW.replace("2020-01-02", "3020-01-02"), "^line 2: date must be .* from 1678 to 2261"),
        (HEADER + ROW.replace("-02", "-02T10:00"), "^line 2: date of a 1d bar must be at 00:00 UTC"),
        (HEADER + ROW.replace("-02", "-02T00:00+01:00"), "^line 2: date of a 1d bar must be at 00:00 UTC"),
        (HEADER + ROW.replace("AAPL", "../x"), r"^line 2: a symbol must be 1 to 32 of .* was '\.\./x'$"),
        (HEADER + ROW.replace("AAPL", ""), "^line 2: a symbol must be"),
        (HEADER + ROW.replace("AAPL", " AAPL"), "^line 2: a symbol must be"),
        (HEADER + ROW.replace("AAPL", '"AA\nPL"'), "^line 2: "),
        (HEADER + ROW.replace("\n", "\r") + ROW, "^line 2: .* a carriage return was inside it$"),
        ((HEADER + ROW).replace("\n", "\r"), "^line 1: .* a carriage return was inside it$"),
        (HEADER + ROW.replace("11", "1\x001"), "^line 2: .* a NUL byte was in it$"),
        (
            (HEADER + ROW).encode() + b"\xe4,2020-01-02,1,1,1,1,1\n",
            "^line 3: the file must be UTF-8, byte 1 .* 0xe4$",
        ),
        ((HEADER + ROW).encode("utf-16"), "^line 1: "),
        (HEADER + "A" * 100_000, "^line 2: a line must be at most 65536 bytes"),
        (b"PAR1\x00\x00", "^line 1: .* a NUL byte"),
    ],
)
def test_faults_are_named_with_their_line(path, content, text):
    with pytest.raises(ImportRefused, match=text) as caught:
        read(path, content)
    line = re.match(r"line (\d+): ", str(caught.value))
    assert caught.value.line == (int(line[1]) if line else None)


@pytest.mark.parametrize("bad_row", ["x\n", ROW.replace("12", "8"), ROW.replace("AAPL", "!"), "\n" + ROW])
@pytest.mark.parametrize("line", [2, 3, 50, 500])
def test_the_line_is_exact_across_blocks(path, small_blocks, bad_row, line):
    with pytest.raises(ImportRefused) as caught:
        read(path, HEADER + ROW * (line - 2) + bad_row + ROW * 40)
    assert caught.value.line == line


@pytest.mark.parametrize("first", [ROW.replace("12", "8"), "x\n", ROW.replace("2020-01-02", "soon")])
@pytest.mark.parametrize("second", ["y\n", ROW.replace("AAPL", "!"), "\0\n", "\n"])
def test_of_two_faults_the_first_is_named(path, first, second):
    with pytest.raises(ImportRefused) as caught:
        read(path, HEADER + ROW * 7 + first + ROW * 3 + second)
    assert caught.value.line == 9


def test_blank_lines_may_fill_many_blocks_at_the_end(path, small_blocks):
    chunks = read(path, HEADER + ROW * 9 + "\n" * 1000)
    assert sum(len(chunk) for chunk in chunks) == 9


def test_chunks_are_small_enough_and_know_their_first_line(path, small_blocks):
    chunks = read(path, HEADER + ROW * 100, chunk_rows=2)
    assert max(len(chunk) for chunk in chunks) <= 2
    line = 2
    for chunk in chunks:
        assert chunk.first_line == line
        line += len(chunk)
    assert line == 102


def test_a_missing_file_is_no_fault_of_its_content(path):
    with pytest.raises(FileNotFoundError):
        list(read_chunks(path, timeframe="1d", file_format="csv"))


FIELDS = st.sampled_from(
    [
        "A",
        "AAPL",
        "",
        "1",
        "2",
        "9.5",
        "1e3",
        "nan",
        "-1",
        "x",
        "2020-01-02",
        "2020-01-02T10:00Z",
        '"',
        '"1"',
        "\0",
        "ä",
    ]
)
LINES = st.one_of(
    st.just(ROW.strip()), st.just(""), st.just(" "), st.lists(FIELDS, min_size=6, max_size=8).map(",".join)
)


@MANY
@given(st.binary(max_size=300))
@example((HEADER + ROW).encode()[:-3])
def test_random_bytes_give_rows_or_a_refusal(path, content):
    for start in (b"", HEADER.encode()):
        with suppress(ImportRefused):
            read(path, start + content)


@MANY
@given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_lines_are_accepted_exactly_when_an_oracle_accepts_them(path, lines, ending):
    content = HEADER + ending.join(lines)
    bad_line = first_bad_line(lines)
    if bad_line is not None:
        with pytest.raises(ImportRefused) as caught:
            read(path, content, timeframe="1m")
        assert caught.value.line == (None if bad_line == 0 else bad_line)
    else:
        chunks = read(path, content, timeframe="1m")
        assert sum(len(chunk) for chunk in chunks) == len([line for line in lines if line.strip()])


def first_bad_line(lines: list[str]) -> int | None:
    """Return the line of the first bad row by plain Python, 0 if there are no rows, None if all is well."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    for number, line in enumerate(lines, start=2):
        if not is_row(line):
            return number
    return None if lines else 0


def is_row(line: str) -> bool:
    try:
        fields = next(csv.reader([line], strict=True), [])
    except csv.Error:
        return False
    if len(fields) != len(IMPORT_COLUMNS) or not re.fullmatch(r"[A-Za-z0-9:.-]+", fields[0]):
        return False
    if not re.fullmatch(r"2020-01-02(T10:00Z)?", fields[1]):
        return False
    try:
        opening, high, low, close, volume = map(float, fields[2:])
    except ValueError:
        return False
    numbers = [opening, high, low, close, volume]
    is_sound = all(map(math.isfinite, numbers)) and min(numbers[:4]) > 0 and volume >= 0
    return is_sound and low <= min(opening, close) and max(opening, close) <= high
