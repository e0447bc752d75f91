"""Reads CSV price files for import, block by block in bounded memory, and names the line of the first fault.

A file is cut into blocks of whole lines and Arrow parses each block. If a block does not parse, its first
bad line is the end of the shortest prefix that does not parse either: so one parser decides, and line numbers
stay exact. Rows that parse are then held against `market_data.import_rules`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv

from market_data.errors import ImportRefused
from market_data.import_rules import (
    NUMBER_COLUMNS,
    ImportChunk,
    check_names,
    checked_chunk,
    first_failing,
    shortened,
)
from market_data.timeframe import Timeframe

BLOCK_BYTES: Final = 4 * 1024 * 1024
LONGEST_LINE_BYTES: Final = 64 * 1024

_BOM: Final = b"\xef\xbb\xbf"
_ARROW_ERRORS: Final = (pa.ArrowException, ValueError)


class _Block(NamedTuple):
    """Whole lines, each with its newline."""

    first_line: int
    lines: bytes


def csv_chunks(path: Path, timeframe: Timeframe) -> Iterator[ImportChunk]:
    """Yield the rows of a CSV file in order, one chunk a block, or raise ImportRefused."""
    with path.open("rb") as file:
        blocks = _blocks(file)
        first = next(blocks, None)
        if first is None or first.lines.removeprefix(_BOM).strip() == b"":
            raise ImportRefused("the file is empty")
        header, _, rest = first.lines.partition(b"\n")
        names = _header_names(header.removeprefix(_BOM))
        yield from _chunks_of_blocks(chain((_Block(2, rest),) if rest else (), blocks), names, timeframe)


def _chunks_of_blocks(blocks: Iterator[_Block], names: list[str], timeframe: Timeframe) -> Iterator[ImportChunk]:
    for block in blocks:
        try:
            batch = _batch(block.lines, names)
        except _ARROW_ERRORS as error:
            before, bad, after = _cut_at_first_bad_line(block, names)
            if before.lines:
                yield checked_chunk(_batch(before.lines, names), first_line=before.first_line, timeframe=timeframe)
            if bad.lines.strip() != b"":
                raise ImportRefused(_reason(bad.lines, names, error), line=bad.first_line) from error
            _refuse_rows_after(bad.first_line, chain((after,), blocks))
            return
        yield checked_chunk(batch, first_line=block.first_line, timeframe=timeframe)


def _refuse_rows_after(blank_line: int, blocks: Iterator[_Block]) -> None:
    if any(block.lines.strip() != b"" for block in blocks):
        raise ImportRefused("blank lines may only stand at the end, rows follow this one", line=blank_line)


def _blocks(file: BinaryIO) -> Iterator[_Block]:
    first_line, tail = 1, b""
    while data := file.read(BLOCK_BYTES):
        lines, newline, tail = (tail + data).rpartition(b"\n")
        if len(tail) > LONGEST_LINE_BYTES:
            line = first_line + lines.count(b"\n") + len(newline)
            raise ImportRefused(f"a line must be at most {LONGEST_LINE_BYTES} bytes, was more", line=line)
        if newline:
            yield _Block(first_line, lines + newline)
            first_line += lines.count(b"\n") + 1
    if tail:
        yield _Block(first_line, tail + b"\n")


def _header_names(header: bytes) -> list[str]:
    reason = _unreadable(header.removesuffix(b"\r"))
    if reason is not None:
        raise ImportRefused(reason, line=1)
    names = [name.strip().lower() for name in _fields(header.decode())]
    check_names(names, line=1)
    return names


def _batch(lines: bytes, names: list[str]) -> pa.RecordBatch:
    """Return the Arrow batch with one row for each line; raise ArrowInvalid if one of them is not a row."""
    if b"\0" in lines or lines.count(b"\r") != lines.count(b"\r\n"):
        raise pa.ArrowInvalid("a NUL byte or a lone carriage return")
    table = pyarrow.csv.read_csv(
        pa.BufferReader(lines),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(lines) + 1),
        # Arrow must not skip an empty line by itself: the lines after it would be counted wrongly.
        parse_options=pyarrow.csv.ParseOptions(ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: _arrow_type(name) for name in names},
            null_values=[],
            strings_can_be_null=False,
        ),
    )
    if table.num_rows != lines.count(b"\n"):
        raise pa.ArrowInvalid("a line break inside quotes")
    return table.combine_chunks().to_batches()[0]


def _arrow_type(name: str) -> pa.DataType:
    return pa.float64() if name in NUMBER_COLUMNS else pa.dictionary(pa.int32(), pa.string())


def _cut_at_first_bad_line(block: _Block, names: list[str]) -> tuple[_Block, _Block, _Block]:
    """Return what stands before the first line that does not parse, that line, and what follows."""
    lines = block.lines
    ends = np.flatnonzero(np.frombuffer(lines, dtype=np.uint8) == ord("\n")) + 1
    bad = first_failing(len(ends), lambda count: _batch(lines[: ends[count - 1]], names))
    start, end = int(ends[bad - 1]) if bad > 0 else 0, int(ends[bad])
    line = block.first_line + bad
    return (
        _Block(block.first_line, lines[:start]),
        _Block(line, lines[start:end]),
        _Block(line + 1, lines[end:]),
    )


def _reason(line: bytes, names: list[str], error: Exception) -> str:
    text = line.removesuffix(b"\n").removesuffix(b"\r")
    unreadable = _unreadable(text)
    if unreadable is not None:
        return unreadable
    fields = _fields(text.decode())
    if len(fields) != len(names):
        return f"a row must have {len(names)} fields, was {len(fields)}"
    for name, field in zip(names, fields, strict=True):
        if name in NUMBER_COLUMNS and not _is_number(field):
            return f"{name} must be a number, was {shortened(field)}"
    return f"the row cannot be read: {shortened(str(error))}"


def _unreadable(line: bytes) -> str | None:
    if b"\0" in line:
        return "a line must hold text, a NUL byte was in it"
    if b"\r" in line:
        return "a line must end in LF or CR LF, a carriage return was inside it"
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"the file must be UTF-8, byte {error.start + 1} of the line was 0x{line[error.start]:02x}"
    return None


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _is_number(field: str) -> bool:
    try:
        pa.array([field.strip()]).cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True
