"""Reads price files for import: CSV or Parquet, of any size, every row checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from market_data.errors import ImportRefused
from market_data.import_csv import csv_chunks
from market_data.import_parquet import parquet_chunks
from market_data.import_rules import ImportChunk
from market_data.timeframe import Timeframe

__all__ = ["CHUNK_ROWS", "FileFormat", "ImportChunk", "read_chunks"]

FileFormat = Literal["csv", "parquet"]

CHUNK_ROWS: Final = 50_000


def read_chunks(
    path: Path, *, timeframe: Timeframe, file_format: FileFormat, chunk_rows: int = CHUNK_ROWS
) -> Iterator[ImportChunk]:
    """Yield the rows of a price file in order, `chunk_rows` at most at a time, or raise ImportRefused.

    The columns are exactly symbol, date, open, high, low, close, volume, in any order and case. A date
    without a zone is UTC. Lines count from 1, the header; rows of a Parquet file count from 1. Chunks before
    a fault have been yielded by then: whoever stores them must take them back. Rows of the same symbol and
    time are not noticed here.
    """
    has_rows = False
    chunks = csv_chunks(path, timeframe) if file_format == "csv" else parquet_chunks(path, timeframe, chunk_rows)
    for chunk in chunks:
        has_rows = has_rows or len(chunk) > 0
        yield from chunk.split(chunk_rows)
    if not has_rows:
        raise ImportRefused("the file has a header but no rows")
