"""Artifacts on their way out: pages and Parquet as stored, or its rows as JSON or CSV, always as a stream."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.concurrency import run_in_threadpool

from backend.core.artifacts import PAGE_SUFFIX, ArtifactStore
from backend.core.db.tables import artifacts
from backend.core.errors import Invalid, NotFound, Problem

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["json", "csv", "parquet", "html"]

MEDIA_TYPES: Mapping[Format, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "html": "text/html",
}


@dataclass(frozen=True)
class OpenArtifact:
    """An artifact's bytes, a piece at a time, in this format."""

    file_format: Format
    chunks: Iterator[bytes]


async def open_artifact(
    engine: AsyncEngine, store: ArtifactStore, job_id: UUID, name: str, asked: Format | None
) -> OpenArtifact:
    """Return the artifact in the asked format; by default a page as HTML, and rows as JSON."""
    statement = select(artifacts.c.path).where(artifacts.c.job_id == job_id, artifacts.c.name == name)
    async with engine.connect() as connection:
        path = (await connection.execute(statement)).scalar_one_or_none()
    if path is None:
        raise NotFound(f"job {job_id} has no artifact {name!r}")
    file_format = _format(name, asked, is_page=path.endswith(PAGE_SUFFIX))
    if file_format in {"parquet", "html"}:
        return OpenArtifact(file_format, store.read_bytes(path))
    batches = store.read_batches(path)
    if file_format == "json":
        return OpenArtifact(file_format, _json_rows(batches))
    return OpenArtifact(file_format, _csv_rows(await run_in_threadpool(store.column_names, path), batches))


def _format(name: str, asked: Format | None, *, is_page: bool) -> Format:
    if asked is None:
        return "html" if is_page else "json"
    if is_page != (asked == "html"):
        expected = "html" if is_page else "json, csv or parquet"
        raise Invalid(
            f"artifact {name!r} comes as {expected}",
            [Problem("query.format", f"must be {expected} for {name!r}, was {asked}")],
        )
    return asked


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


def _csv_rows(names: Sequence[str], batches: Iterable["pa.RecordBatch"]) -> Iterator[bytes]:
    yield _csv([names])
    for batch in batches:
        yield _csv([_plain(value) for value in row.values()] for row in _rows(batch))


def _csv(lines: Iterable[Sequence[Any]]) -> bytes:  # Any: what `_plain` returns
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue().encode()


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
