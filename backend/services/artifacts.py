"""Artifacts on their way out: Parquet as stored, or its rows as JSON or CSV, always as a stream."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core.artifacts import ArtifactStore
from backend.core.db.tables import artifacts
from backend.core.errors import NotFound

if TYPE_CHECKING:
    import pyarrow as pa

MEDIA_TYPES = {"json": "application/json", "csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


async def open_artifact(
    engine: AsyncEngine, store: ArtifactStore, job_id: UUID, name: str, file_format: str
) -> Iterator[bytes]:
    """Return the artifact's bytes in the asked format, a piece at a time."""
    statement = select(artifacts.c.path).where(artifacts.c.job_id == job_id, artifacts.c.name == name)
    async with engine.connect() as connection:
        path = (await connection.execute(statement)).scalar_one_or_none()
    if path is None:
        raise NotFound(f"job {job_id} has no artifact {name!r}")
    if file_format == "parquet":
        return store.read_bytes(path)
    batches = store.read_batches(path)
    return _json_rows(batches) if file_format == "json" else _csv_rows(batches)


def _json_rows(batches: Iterable["pa.RecordBatch"]) -> Iterator[bytes]:
    separator = "["
    for batch in batches:
        rows = (
            json.dumps({name: _plain(value) for name, value in row.items()}, allow_nan=False) for row in _rows(batch)
        )
        text = ",".join(rows)
        if text:
            yield f"{separator}{text}".encode()
            separator = ","
    yield b"[]" if separator == "[" else b"]"


def _csv_rows(batches: Iterable["pa.RecordBatch"]) -> Iterator[bytes]:
    is_first = True
    for batch in batches:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        if is_first:
            writer.writerow(batch.schema.names)
            is_first = False
        writer.writerows([_plain(value) for value in row.values()] for row in _rows(batch))
        yield buffer.getvalue().encode()


def _rows(batch: "pa.RecordBatch") -> list[dict[str, Any]]:  # Any: one type a column
    import pyarrow as pa  # noqa: PLC0415 - the web process starts without it

    columns = [
        column.cast(pa.timestamp("us", tz="UTC"), safe=False) if pa.types.is_timestamp(column.type) else column
        for column in batch.columns
    ]
    rows: list[dict[str, Any]] = pa.record_batch(columns, names=batch.schema.names).to_pylist()  # Any: the same
    return rows


def _plain(value: Any) -> Any:  # Any: a JSON value
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return None if isinstance(value, float) and not math.isfinite(value) else value
