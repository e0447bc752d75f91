"""The rules that every row of an import file must keep, checked a column at a time.

1. The readers hand over one Arrow batch: symbol, date, and five columns of float64.
2. Symbols and dates repeat, so both are checked once for each distinct text.
3. Each rule names its first bad row; the earliest of these is the one that is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from market_data.errors import ImportRefused, InvalidSymbol
from market_data.symbols import check_symbol
from market_data.timeframe import DATED_TIMEFRAMES, NS_PER_DAY, Timeframe

IMPORT_COLUMNS: Final = ("symbol", "date", "open", "high", "low", "close", "volume")
NUMBER_COLUMNS: Final = IMPORT_COLUMNS[2:]

# (left, right): left must not be below right. Together: low <= open, close <= high.
NOT_BELOW: Final = (("high", "low"), ("open", "low"), ("close", "low"), ("high", "open"), ("high", "close"))

_ENDS_IN_ZONE: Final = r"[0-9](Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_BARE_DATE_LENGTH: Final = len("2020-01-31")
_LONGEST_SHOWN: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImportChunk:
    """Rows of an import file that kept every rule: row i stood in line `first_line + i`.

    symbol holds str objects, time is int64 ns UTC of the bar's open, the rest is float64; all have one
    length. Times may repeat, within a chunk and between chunks.
    """

    first_line: int
    symbol: NDArray[np.object_]
    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time)

    def split(self, most_rows: int) -> Iterator[ImportChunk]:
        """Yield this chunk in pieces of at most `most_rows` rows, as views."""
        for start in range(0, len(self), most_rows):
            rows = slice(start, start + most_rows)
            columns = {name: getattr(self, name)[rows] for name in ("symbol", "time", *NUMBER_COLUMNS)}
            yield ImportChunk(first_line=self.first_line + start, **columns)


class _Fault(NamedTuple):
    row: int
    reason: str


def checked_chunk(batch: pa.RecordBatch, *, first_line: int, timeframe: Timeframe) -> ImportChunk:
    """Return the rows of a batch with IMPORT_COLUMNS; raise ImportRefused at the first bad row."""
    symbol, symbol_fault = _symbols(batch.column("symbol"))
    time, date_fault = _times(batch.column("date"), timeframe)
    numbers = {name: _float_column(batch.column(name)) for name in NUMBER_COLUMNS}
    faults = [fault for fault in (symbol_fault, date_fault, *_number_faults(numbers)) if fault is not None]
    if faults:
        first = min(faults, key=lambda fault: fault.row)
        raise ImportRefused(first.reason, line=first_line + first.row)
    return ImportChunk(first_line=first_line, symbol=symbol, time=time, **numbers)


def check_names(names: list[str], *, line: int | None) -> None:
    """Raise ImportRefused unless `names` are the import columns, each once, in any order."""
    expected = ", ".join(IMPORT_COLUMNS)
    missing = [name for name in IMPORT_COLUMNS if name not in names]
    if missing:
        raise ImportRefused(f"the columns must be {expected}; missing {', '.join(missing)}", line=line)
    unknown = [name for name in names if name not in IMPORT_COLUMNS]
    if unknown:
        raise ImportRefused(f"the columns must be {expected}; unknown column {shortened(unknown[0])}", line=line)
    if len(names) != len(IMPORT_COLUMNS):
        raise ImportRefused(f"the columns must be {expected}, each once; was {', '.join(names)}", line=line)


def first_failing(count: int, attempt: Callable[[int], object]) -> int:
    """Return the index of the first of `count` items that is bad, knowing that one is.

    `attempt(n)` must raise ValueError or an Arrow error exactly if one of the first n items is bad.
    It is asked log2(count) times.
    """
    good, bad = 0, count
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            attempt(middle)
            good = middle
        except (ValueError, pa.ArrowException):
            bad = middle
    return bad - 1


def shortened(text: str) -> str:
    """Return `text` in quotes, cut so that an error stays readable."""
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")


def _symbols(column: pa.Array) -> tuple[NDArray[np.object_], _Fault | None]:
    codes, distinct = _distinct(column)
    texts = distinct.to_pylist()
    reasons = [_symbol_fault(text) for text in texts]
    bad = _first_row(np.array([reason is not None for reason in reasons], dtype=np.bool_))
    fault = None if bad is None else _Fault(_row_of(codes, bad), str(reasons[bad]))
    return np.array(texts, dtype=object)[codes], fault


def _symbol_fault(text: str) -> str | None:
    try:
        check_symbol(text)
    except InvalidSymbol as error:
        return str(error)
    return None


def _times(column: pa.Array, timeframe: Timeframe) -> tuple[NDArray[np.int64], _Fault | None]:
    if pa.types.is_temporal(column.type):
        return _times_of_instants(column, timeframe)
    codes, texts = _distinct(column)
    known = _readable_count(texts)
    ns = np.zeros(len(texts), dtype=np.int64)
    ns[:known] = _ns_of_texts(texts[:known])
    bad = _first_row(ns % NS_PER_DAY != 0) if timeframe in DATED_TIMEFRAMES else None
    reason = f"date of a {timeframe} bar must be at 00:00 UTC"
    if bad is None and known < len(texts):
        bad, reason = known, "date must be an ISO date or datetime from 1678 to 2261"
    if bad is None:
        return ns[codes], None
    return ns[codes], _Fault(_row_of(codes, bad), f"{reason}, was {shortened(texts[bad].as_py())}")


def _readable_count(texts: pa.Array) -> int:
    try:
        _ns_of_texts(texts)
    except pa.ArrowInvalid:
        return first_failing(len(texts), lambda count: _ns_of_texts(texts[:count]))
    return len(texts)


def _ns_of_texts(texts: pa.Array) -> NDArray[np.int64]:
    has_zone = pc.and_(
        pc.greater(pc.binary_length(texts), _BARE_DATE_LENGTH), pc.match_substring_regex(texts, _ENDS_IN_ZONE)
    )
    is_zoned = has_zone.to_numpy(zero_copy_only=False)
    ns = np.empty(len(texts), dtype=np.int64)
    for mask, dtype in ((is_zoned, pa.timestamp("ns", "UTC")), (~is_zoned, pa.timestamp("ns"))):
        ns[mask] = texts.filter(pa.array(mask)).cast(dtype).cast(pa.int64()).to_numpy()
    return ns


def _times_of_instants(column: pa.Array, timeframe: Timeframe) -> tuple[NDArray[np.int64], _Fault | None]:
    known = _storable_count(column)
    if known < len(column):
        # Arrow cannot print such a date, so its bare number must do.
        reason = f"date must be from 1678 to 2261, was {column[known].value} as {column.type}"
        return np.zeros(len(column), dtype=np.int64), _Fault(known, reason)
    ns = cast("NDArray[np.int64]", pc.fill_null(_instants(column), 0).to_numpy())
    is_missing = column.is_null().to_numpy(zero_copy_only=False)
    is_off = ns % NS_PER_DAY != 0 if timeframe in DATED_TIMEFRAMES else np.zeros(len(ns), dtype=np.bool_)
    row = _first_row(is_missing | is_off)
    if row is None:
        return ns, None
    if is_missing[row]:
        return ns, _Fault(row, "date is missing")
    reason = f"date of a {timeframe} bar must be at 00:00 UTC, was {np.datetime64(int(ns[row]), 'ns')}"
    return ns, _Fault(row, reason)


def _storable_count(column: pa.Array) -> int:
    try:
        _instants(column)
    except pa.ArrowInvalid:
        return first_failing(len(column), lambda count: _instants(column[:count]))
    return len(column)


def _instants(column: pa.Array) -> pa.Array:
    zone = getattr(column.type, "tz", None)
    return column.cast(pa.timestamp("ns", zone)).cast(pa.int64())


def _number_faults(numbers: dict[str, NDArray[np.float64]]) -> Iterator[_Fault]:
    for name, column in numbers.items():
        is_low = column < 0.0 if name == "volume" else column <= 0.0
        row = _first_row(is_low | ~np.isfinite(column))
        if row is not None:
            least = ">= 0" if name == "volume" else "> 0"
            yield _Fault(row, f"{name} must be finite and {least}, was {float(column[row])!r}")
    for left, right in NOT_BELOW:
        row = _first_row(numbers[left] < numbers[right])
        if row is not None:
            yield _Fault(row, f"{left} {float(numbers[left][row])!r} below {right} {float(numbers[right][row])!r}")


def _float_column(column: pa.Array) -> NDArray[np.float64]:
    # A missing number becomes NaN, which no rule lets pass.
    return cast("NDArray[np.float64]", column.to_numpy(zero_copy_only=False))


def _distinct(column: pa.Array) -> tuple[NDArray[np.int32], pa.Array]:
    """Return for each row the index of its text, and the texts in the order of their first rows."""
    encoded = column if pa.types.is_dictionary(column.type) else pc.fill_null(column, "").dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary


def _row_of(codes: NDArray[np.int32], code: int) -> int:
    return int((codes == code).argmax())


def _first_row(is_bad: NDArray[np.bool_]) -> int | None:
    row = int(is_bad.argmax()) if is_bad.size > 0 else 0
    return row if is_bad.size > 0 and is_bad[row] else None
