"""Reads Parquet price files for import, batch by batch, and names the row of the first fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet

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

# Arrow reports a damaged file by either.
_ARROW_ERRORS: Final = (pa.ArrowException, ValueError, OSError)


def parquet_chunks(path: Path, timeframe: Timeframe, chunk_rows: int) -> Iterator[ImportChunk]:
    """Yield the rows of a Parquet file in order, one chunk a batch, or raise ImportRefused."""
    first_row = 1
    with pa.OSFile(str(path), "rb") as file:
        for batch in _parquet_batches(file, chunk_rows):
            yield checked_chunk(_as_import_batch(batch, first_row), first_line=first_row, timeframe=timeframe)
            first_row += batch.num_rows


def _parquet_batches(file: pa.NativeFile, chunk_rows: int) -> Iterator[pa.RecordBatch]:
    try:
        parquet = pyarrow.parquet.ParquetFile(file)
        _check_schema(parquet.schema_arrow)
        yield from parquet.iter_batches(batch_size=chunk_rows, use_threads=False)
    except ImportRefused:
        raise
    except _ARROW_ERRORS as error:
        raise ImportRefused(f"the file cannot be read as Parquet: {shortened(str(error))}") from error


def _check_schema(schema: pa.Schema) -> None:
    check_names([_plain_name(name) for name in schema.names], line=None)
    for field in schema:
        name = _plain_name(field.name)
        if not _is_wanted_type(name, field.type):
            wanted = {"symbol": "text", "date": "text, a date or a timestamp"}.get(name, "numbers")
            raise ImportRefused(f"column {name} must hold {wanted}, was {field.type}")


def _is_wanted_type(name: str, dtype: pa.DataType) -> bool:
    if name in NUMBER_COLUMNS:
        return bool(pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_decimal(dtype))
    value_type = dtype.value_type if pa.types.is_dictionary(dtype) else dtype
    is_text = pa.types.is_string(value_type) or pa.types.is_large_string(value_type)
    return bool(is_text or (name == "date" and (pa.types.is_date(dtype) or pa.types.is_timestamp(dtype))))


def _as_import_batch(batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch:
    names = [_plain_name(name) for name in batch.schema.names]
    columns = [_as_import_column(*pair, first_row) for pair in zip(names, batch.columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _as_import_column(name: str, column: pa.Array, first_row: int) -> pa.Array:
    if name in NUMBER_COLUMNS:
        # Unsafe only in that a whole number beyond 2**53 is rounded, as in a CSV file.
        return column.cast(pa.float64(), safe=False)
    if pa.types.is_temporal(column.type):
        return column
    texts = column.cast(pa.string())
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        row = first_failing(len(texts), lambda count: texts[:count].validate(full=True))
        raise ImportRefused(f"{name} must be UTF-8", line=first_row + row) from error
    return texts


def _plain_name(name: str) -> str:
    return name.strip().lower()
