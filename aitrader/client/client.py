"""The client of one installation, for notebooks and scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from aitrader.client.batching import Batching
from aitrader.client.control import Control
from aitrader.client.events import PATIENCE_S, EventReader, ServerEvent
from aitrader.client.installation import find_installation
from aitrader.client.job import Job
from aitrader.client.job_records import JobPage, JobRecord
from aitrader.client.moments import aware, moment_text
from aitrader.client.record import Json
from aitrader.client.records import (
    BarPage,
    Catalogue,
    Imported,
    ModelDetail,
    ModelList,
    ModelRecord,
    PerformanceList,
    Series,
    SeriesPage,
    Signal,
    SignalPage,
    SignalPerformance,
)
from aitrader.client.schedules import Schedules
from aitrader.client.transport import Call, Parameters, Transport, idempotency_key_of, json_body, json_of
from aitrader.client.webhooks import Webhooks
from aitrader.errors import InvalidRequest

if TYPE_CHECKING:
    import pandas as pd

TIMEOUT_S = 30.0
IMPORT_TIMEOUT_S = 900.0  # a large file is checked line by line before the answer comes
LONGEST_PAGE = 200
LONGEST_SIGNAL_PAGE = 1_000
LONGEST_BARS_PAGE = 50_000
MEDIA_TYPES = {".csv": "text/csv", ".parquet": "application/vnd.apache.parquet"}


class Client(Control, Batching):
    """Speaks for one user to one installation; use it as a context manager, or `close` it.

    url, token: without them AITRADER_URL and AITRADER_TOKEN, else the local stack and its admin.
    timeout_s: how long one answer may take. Calls that may be sent twice are, while the server is away for a moment.
    """

    def __init__(self, url: str | None = None, token: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._transport = Transport(find_installation(url, token), timeout_s=timeout_s)
        self.schedules = Schedules(self._transport)
        self.webhooks = Webhooks(self._transport)

    @property
    def url(self) -> str:
        return self._transport.installation.url

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(
        self,
        job_type: str,
        payload: Mapping[str, Any],  # Any: a JSON value
        *,
        priority: int | None = None,
        run_at: datetime | None = None,
        max_attempts: int | None = None,
        deadline_at: datetime | None = None,
        expires_in_s: float | None = None,
        reuse: str | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Return a new job. priority: 0 runs first, 9 last. run_at: not before then; without a zone it is UTC.

        deadline_at, or expires_in_s from now: when it is failed if it has not ended by then.
        reuse: "never" runs it even where an earlier result must be the same; "allow", the default, takes that at once.
        idempotency_key: the same key with the same job gives the first job again; by default each call has its own.
        """
        asked = {
            "job_type": job_type,
            "payload": payload,
            "priority": priority,
            "run_at": None if run_at is None else aware(run_at).isoformat(),
            "max_attempts": max_attempts,
            "deadline_at": None if deadline_at is None else aware(deadline_at).isoformat(),
            "expires_in_s": expires_in_s,
            "reuse": reuse,
        }
        call = Call(
            method="POST",
            path="/jobs",
            headers={"Content-Type": "application/json", "Idempotency-Key": idempotency_key_of(idempotency_key)},
            content=json_body({name: value for name, value in asked.items() if value is not None}),
            is_repeatable=True,  # by its key
        )
        answer = self._transport.send(call)
        return self._job(json_of(answer), etag=answer.headers.get("ETag"))

    def job(self, job_id: str, *, all_users: bool = False) -> Job:
        """Return the job of that id. all_users: another user's, too (admins only)."""
        told = self._transport.get(f"/jobs/{quote(job_id, safe='')}", {"all": "true"} if all_users else {})
        return self._job(told, all_users=all_users)

    def jobs(
        self,
        *,
        state: str | Sequence[str] | None = None,
        job_type: str | None = None,
        limit: int = 50,
        all_users: bool = False,
    ) -> list[Job]:
        """Return the newest jobs. state: one or several to choose by. all_users: not only one's own (admins only)."""
        states = [state] if isinstance(state, str) else list(state or ())
        parameters: Parameters = {
            **({"state": states} if states else {}),
            **({"job_type": job_type} if job_type is not None else {}),
            **({"all": "true"} if all_users else {}),
        }
        pages = self._pages(parameters, limit)
        return [Job(record, self._transport, all_users=all_users) for page in pages for record in page.jobs]

    def symbols(self) -> list[Series]:
        """Return the stored series of bars, by symbol."""
        found: list[Series] = []
        after: str | None = ""
        while after is not None:
            page = SeriesPage.of(self._transport.get("/api/market/symbols", {"after": after}))
            found += page.symbols
            after = page.next_after
        return found

    def bars(
        self,
        symbol: str,
        timeframe: str = "1d",
        *,
        start: date | None = None,
        end: date | None = None,
    ) -> pd.DataFrame:
        """Return stored bars from `start` to `end`, both included: columns open to volume by the UTC time of the open.

        start, end: a day, or a time (in UTC where it has no zone).
        """
        from aitrader.client.frames import frame_of_bars  # noqa: PLC0415 - pandas takes long to load

        bounds = {name: moment_text(day) for name, day in (("start", start), ("end", end)) if day is not None}
        path = f"/api/market/symbols/{quote(symbol, safe='')}/bars"
        bars: list[Json] = []
        while True:
            parameters: Parameters = {"timeframe": timeframe, "limit": LONGEST_BARS_PAGE, **bounds}
            page = BarPage.of(self._transport.get(path, parameters))
            bars += page.bars
            if page.next_start is None:
                return frame_of_bars(bars)
            bounds["start"] = page.next_start

    def import_file(self, path: str | Path, *, timeframe: str) -> list[Series]:
        """Return the series that a CSV or Parquet file of prices went into; a bad file is refused whole."""
        file = Path(path)
        media_type = MEDIA_TYPES.get(file.suffix.lower())
        if media_type is None:
            raise InvalidRequest(f"expected a file called .csv or .parquet, it was {file.name!r}")
        try:
            stream = file.open("rb")
        except OSError as error:
            raise InvalidRequest(f"expected a file to read, {file} is not: {error.strerror}") from error
        with stream:
            call = Call(
                method="POST",
                path="/api/market/import",
                parameters={"timeframe": timeframe},
                headers={"Content-Type": media_type},
                content=stream,
                is_repeatable=False,  # a stream is read once
                answer_within_s=IMPORT_TIMEOUT_S,
            )
            return list(Imported.of(json_of(self._transport.send(call))).imported)

    def models(self, name: str | None = None) -> list[ModelRecord]:
        """Return all models, or all versions of one; of each name, who serves first."""
        path = "/api/models" if name is None else f"/api/models/{quote(name, safe='')}"
        return list(ModelList.of(self._transport.get(path)).models)

    def model(self, name: str, version: str) -> ModelDetail:
        """Return all that is known of a version of a model, its card included."""
        return ModelDetail.of(self._transport.get(_path_of(name, version)))

    def promote(self, name: str, version: str) -> ModelRecord:
        """Let a version of a model serve from the next job on (admins only)."""
        return self._change_model(f"{_path_of(name, version)}/promote", is_repeatable=True)

    def rollback(self, name: str) -> ModelRecord:
        """Let the version serve again that did before (admins only); return it. Twice goes two back."""
        return self._change_model(f"/api/models/{quote(name, safe='')}/rollback", is_repeatable=False)

    def signals(
        self,
        *,
        symbol: str | None = None,
        action: str | None = None,
        since: date | None = None,
        limit: int = 100,
        all_users: bool = False,
    ) -> list[Signal]:
        """Return the newest suggestions that were given. since: when they were, at the earliest."""
        parameters: dict[str, str | int] = {**_scope(symbol, since, all_users=all_users)}
        if action is not None:
            parameters["action"] = action
        found: list[Signal] = []
        while len(found) < limit:
            parameters["limit"] = min(LONGEST_SIGNAL_PAGE, limit - len(found))
            page = SignalPage.of(self._transport.get("/api/signals", parameters))
            found += page.signals
            if page.next_cursor is None:
                break
            parameters["cursor"] = page.next_cursor
        return found

    def signal_performance(
        self, *, symbol: str | None = None, since: date | None = None, all_users: bool = False
    ) -> list[SignalPerformance]:
        """Return how scored suggestions fared beside what was promised, by action and models."""
        parameters = _scope(symbol, since, all_users=all_users)
        return list(PerformanceList.of(self._transport.get("/api/signals/performance", parameters)).performance)

    def events(
        self, *channels: str, all_users: bool = False, last_event_id: str | None = None, patience_s: float = PATIENCE_S
    ) -> Iterator[ServerEvent]:
        """Yield what changes, for ever; without channels, of jobs. Lost connections are made anew, without a gap.

        last_event_id: go on after that event. patience_s: for how long the server may be away.
        """
        reader = EventReader(self._transport, channels, all_users=all_users, after=last_event_id, patience_s=patience_s)
        return reader.events()

    def catalogue(self) -> Catalogue:
        """Return the job types, strategies and patterns there are, with their JSON Schemas."""
        return Catalogue.of(self._transport.get("/catalogue"))

    def _pages(self, parameters: Parameters, limit: int) -> Iterator[JobPage]:
        """Yield pages until `limit` jobs were asked for, or there are no more."""
        cursor: dict[str, str] = {}
        for asked in range(0, limit, LONGEST_PAGE):
            length = min(LONGEST_PAGE, limit - asked)
            page = JobPage.of(self._transport.get("/jobs", {**parameters, **cursor, "limit": length}))
            yield page
            if page.next_cursor is None:
                return
            cursor = {"cursor": page.next_cursor}

    def _change_model(self, path: str, *, is_repeatable: bool) -> ModelRecord:
        return ModelRecord.of(
            json_of(self._transport.send(Call(method="POST", path=path, is_repeatable=is_repeatable)))
        )

    def _job(self, told: Json, *, etag: str | None = None, all_users: bool = False) -> Job:
        return Job(JobRecord.of(told), self._transport, etag=etag, all_users=all_users)


def _scope(symbol: str | None, since: date | None, *, all_users: bool) -> dict[str, str]:
    asked = {
        "symbol": symbol,
        "since": None if since is None else moment_text(since),
        "all": "true" if all_users else None,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _path_of(name: str, version: str) -> str:
    return f"/api/models/{quote(name, safe='')}/{quote(version, safe='')}"
