"""`/api/market`: which bars are stored, the bars themselves, and importing a file."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from backend.api.deps import CurrentUser, State
from backend.api.errors import documented
from backend.core.errors import Invalid
from backend.services.market import FileFormat, StoredSeries, import_file
from market_data.symbols import SYMBOL_MAX_LENGTH, SYMBOL_PATTERN
from market_data.timeframe import Timeframe

CSV_TYPES = ("text/csv", "application/csv", "application/vnd.ms-excel", "text/plain")
PARQUET_TYPES = ("application/vnd.apache.parquet", "application/x-parquet")

router = APIRouter(prefix="/api/market", tags=["market"])
SymbolInPath = Annotated[str, PathParameter(pattern=SYMBOL_PATTERN, max_length=SYMBOL_MAX_LENGTH)]


class SeriesView(BaseModel):
    symbol: str
    timeframe: str
    source: str
    revision: int
    bar_count: int
    first_bar: datetime | None
    last_bar: datetime | None
    is_shared: bool


class SymbolList(BaseModel):
    symbols: list[SeriesView]
    next_after: str | None


class BarView(BaseModel):
    time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


class BarList(BaseModel):
    series: SeriesView
    bars: list[BarView]
    next_start: datetime | None


class Imported(BaseModel):
    imported: list[SeriesView]


@router.get("/symbols", operation_id="list_symbols", responses=documented(401, 422))
async def symbols(
    state: State,
    user: CurrentUser,
    after: Annotated[str, Query(max_length=50, description="`next_after` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> SymbolList:
    """List the stored series, by symbol."""
    if "\0" in after:
        raise Invalid("after must be the next_after of an earlier answer")
    symbol, _, timeframe = after.partition(" ")
    found = await state.market.series(user, (symbol, timeframe), limit)
    is_full = len(found) == limit
    return SymbolList(
        symbols=[_view(series) for series in found],
        next_after=f"{found[-1].symbol} {found[-1].timeframe}" if is_full else None,
    )


@router.get("/symbols/{symbol}/bars", operation_id="get_bars", responses=documented(401, 404, 422))
async def bars(
    state: State,
    user: CurrentUser,
    symbol: SymbolInPath,
    timeframe: Timeframe = "1d",
    start: datetime | None = None,
    end: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=50_000)] = 5_000,
) -> BarList:
    """Return stored bars from `start` to `end`, both included, oldest first."""
    stored = await state.market.bars(user, symbol, timeframe, (_utc(start), _utc(end)), limit)
    return BarList(
        series=_view(stored.series),
        bars=[BarView.model_validate(row, from_attributes=True) for row in stored.rows],
        next_start=stored.next_start,
    )


_FILE = {"schema": {"type": "string", "format": "binary"}}
_FORM = {"schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE["schema"]}}}


@router.post(
    "/import",
    operation_id="import_bars",
    responses=documented(400, 401, 413, 422),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": _FILE, PARQUET_TYPES[0]: _FILE, "multipart/form-data": _FORM},
        }
    },
)
async def import_bars(request: Request, state: State, user: CurrentUser, timeframe: Timeframe) -> Imported:
    """Import a CSV or Parquet file: symbol,date,open,high,low,close,volume. A bad file is refused whole."""
    async with _received_file(request) as (path, file_format):
        stored = await run_in_threadpool(import_file, state.import_engine, user, path, timeframe, file_format)
    return Imported(imported=[_view(series) for series in stored])


@asynccontextmanager
async def _received_file(request: Request) -> AsyncIterator[tuple[Path, FileFormat]]:
    """Give the uploaded file as a path, for as long as it is needed."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    with tempfile.TemporaryDirectory(prefix="aitrader-import-") as folder:
        path = Path(folder) / "upload"
        if content_type == "multipart/form-data":
            yield path, await _save_form_file(request, path)
        elif content_type in CSV_TYPES or content_type in PARQUET_TYPES:
            with path.open("wb") as file:
                async for chunk in request.stream():
                    await run_in_threadpool(file.write, chunk)
            yield path, "parquet" if content_type in PARQUET_TYPES else "csv"
        else:
            raise Invalid(f"expected text/csv, a Parquet type or multipart/form-data, it was {content_type!r}")


async def _save_form_file(request: Request, path: Path) -> FileFormat:
    async with request.form(max_files=1) as form:
        upload: Any = form.get("file")  # Any: a file, a text, or nothing
        if not isinstance(upload, UploadFile):
            raise Invalid("expected a form with one file in the field `file`")
        with path.open("wb") as file:
            await run_in_threadpool(shutil.copyfileobj, upload.file, file)
        is_parquet = (upload.filename or "").endswith(".parquet") or upload.content_type in PARQUET_TYPES
        return "parquet" if is_parquet else "csv"


def _view(series: StoredSeries) -> SeriesView:
    return SeriesView(
        symbol=series.symbol,
        timeframe=series.timeframe,
        source=series.source,
        revision=series.revision,
        bar_count=series.bar_count,
        first_bar=series.first_at,
        last_bar=series.last_at,
        is_shared=series.is_shared,
    )


def _utc(moment: datetime | None) -> datetime | None:
    """Take a time without a zone as UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
