"""A job, as its owner holds it: how it is, what it gave, and how to steer it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from aitrader.client.job_records import Attempt, AttemptList, JobError, JobPage, JobRecord, LogLine, LogPage
from aitrader.client.transport import NOT_MODIFIED, Call, Parameters, Transport, idempotency_key_of, json_of
from aitrader.errors import JobCancelled, JobFailed, NoResult, WaitTimeout

if TYPE_CHECKING:
    import pandas as pd

LONGEST_POLL_S = 20.0
SHORTEST_POLL_S = 0.1
LOG_POLL_S = 0.5  # lines come about so often
OUTAGE_PATIENCE_S = 30.0  # a server that is restarted meanwhile does not end a wait


class Job:
    """What the server told last about a job; `refresh` and `wait` bring it up to date."""

    def __init__(self, record: JobRecord, transport: Transport, *, etag: str | None = None, all_users: bool) -> None:
        self._record = record
        self._transport = transport
        self._etag = etag
        self._scope: Parameters = {"all": "true"} if all_users else {}

    @property
    def record(self) -> JobRecord:
        """Return all that the server told."""
        return self._record

    @property
    def id(self) -> str:
        return self._record.id

    @property
    def job_type(self) -> str:
        return self._record.job_type

    @property
    def state(self) -> str:
        """Return scheduled, queued, running, waiting, succeeded, failed or cancelled."""
        return self._record.state

    @property
    def is_finished(self) -> bool:
        return self._record.is_finished

    @property
    def progress(self) -> float:
        """Return how much is done, as a fraction."""
        return self._record.progress

    @property
    def stage(self) -> str | None:
        return self._record.stage

    @property
    def counters(self) -> Mapping[str, int | float]:
        """Return what the job has counted so far, by name."""
        return self._record.counters or {}

    @property
    def summary(self) -> str | None:
        """Return what came of it in one line, once it succeeded."""
        return self._record.summary

    @property
    def error(self) -> JobError | None:
        return self._record.error

    @property
    def created_at(self) -> datetime:
        return self._record.created_at

    @property
    def payload(self) -> dict[str, Any]:  # Any: a JSON value
        if self._record.payload is None:  # known from a list, which leaves it out
            self.refresh()
        return self._record.payload or {}

    @property
    def result(self) -> dict[str, Any]:  # Any: a JSON value
        """Return what a succeeded job gave; NoResult where there is none."""
        if self.is_finished and not self._record.is_whole:
            self.refresh()
        if self._record.result is None:
            raise NoResult(f"job {self.id} is {self.state}: only a succeeded job has a result", self)
        return self._record.result

    @property
    def trades(self) -> pd.DataFrame:
        """Fetch the trades of a backtest, one row each."""
        return self.artifact("trades")

    @property
    def equity(self) -> pd.DataFrame:
        """Fetch the equity of a backtest at every bar."""
        return self.artifact("equity")

    def artifact(self, name: str) -> pd.DataFrame:
        """Fetch a large result as a frame; times are UTC timestamps."""
        from aitrader.client.frames import frame_of_parquet  # noqa: PLC0415 - pandas takes long to load

        return frame_of_parquet(self.download(name, "parquet"))

    @property
    def tearsheet(self) -> str:
        """Fetch the page that shows a backtest, as HTML that needs nothing else."""
        return self.download("tearsheet", "html").decode()

    def download(self, name: str, file_format: str | None = None) -> bytes:
        """Fetch a large result as a file: json, csv or parquet for rows, html for a page; by default json or html."""
        path = f"{self._path}/artifacts/{quote(name, safe='')}"
        parameters = {**self._scope, **({} if file_format is None else {"format": file_format})}
        return self._transport.send(Call(method="GET", path=path, parameters=parameters, is_repeatable=True)).content

    def attempts(self) -> list[Attempt]:
        """Fetch every run of the job, the latest last."""
        return list(AttemptList.of(self._transport.get(f"{self._path}/attempts", self._scope)).attempts)

    def logs(self, *, attempt: int | None = None, level: str | None = None, after: int = 0) -> Iterator[LogLine]:
        """Yield what the job has logged so far, the oldest line first.

        attempt: only of this one. level: this one and those above. after: the `id` of the last line that is known.
        """
        asked: Parameters = {
            **self._scope,
            **({} if attempt is None else {"attempt": attempt}),
            **({} if level is None else {"level": level}),
        }
        next_after: int | None = after
        while next_after is not None:
            page = LogPage.of(self._transport.get(f"{self._path}/logs", {**asked, "after": next_after}))
            yield from page.lines
            next_after = page.next_after

    def follow_logs(self, *, attempt: int | None = None, level: str | None = None, after: int = 0) -> Iterator[LogLine]:
        """Yield what the job has logged, then each further line as it comes, until the job has ended."""
        while True:
            is_over = self.refresh().is_finished  # before the lines are asked for: none comes after the end
            for line in self.logs(attempt=attempt, level=level, after=after):
                after = line.id
                yield line
            if is_over:
                return
            self._changed_within(LOG_POLL_S)

    def children(self) -> list[Job]:
        """Fetch the jobs that this one has fanned out into, in their order."""
        page = JobPage.of(self._transport.get(f"{self._path}/children", self._scope))
        return [Job(record, self._transport, all_users=bool(self._scope)) for record in page.jobs]

    def refresh(self) -> Self:
        """Ask the server how the job is now."""
        self._hear(self._transport.send(self._look(0.0, OUTAGE_PATIENCE_S)))
        return self

    def wait(
        self,
        timeout_s: float | None = None,
        on_change: Callable[[Job], object] | None = None,
        *,
        raise_on_failure: bool = True,
    ) -> Self:
        """Return the job once it ended; JobFailed, JobCancelled or WaitTimeout where that is not what came.

        on_change: called with the job each time it is not as it was. timeout_s: None waits for ever.
        """
        give_up_at = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.is_finished:
            left_s = OUTAGE_PATIENCE_S if give_up_at is None else give_up_at - time.monotonic()
            if left_s <= 0:
                raise WaitTimeout(f"job {self.id} is {self.state} after {timeout_s:g} s, and goes on", self)
            if self._changed_within(left_s) and on_change is not None:
                on_change(self)
        if raise_on_failure:
            self._require_success()
        return self

    def cancel(self) -> Self:
        """End the job: at once while it waits, at its next check while it runs."""
        call = Call(method="POST", path=f"{self._path}/cancel", parameters=self._scope, is_repeatable=True)
        self._hear(self._transport.send(call))
        return self

    def retry(self) -> Self:
        """Queue a failed or cancelled job once more."""
        # Not repeatable: the second of two could restart what failed again in between.
        call = Call(method="POST", path=f"{self._path}/retry", parameters=self._scope, is_repeatable=False)
        self._hear(self._transport.send(call))
        return self

    def reproduce(self) -> Job:
        """Run a succeeded backtest again as a new job; its result says under `reproduction` whether it is the same."""
        headers = {"Idempotency-Key": idempotency_key_of(None)}
        call = Call(method="POST", path=f"{self._path}/reproduce", headers=headers, is_repeatable=True)
        answer = self._transport.send(call)
        return Job(JobRecord.of(json_of(answer)), self._transport, etag=answer.headers.get("ETag"), all_users=False)

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.job_type} {self.state}>"

    @property
    def _path(self) -> str:
        return f"/jobs/{quote(self.id, safe='')}"

    def _changed_within(self, left_s: float) -> bool:
        """Ask until the server tells of a change, or has none to tell; say which."""
        asked_at = time.monotonic()
        wait_s = min(left_s, LONGEST_POLL_S) if self._etag is not None else 0.0
        has_changed = self._hear(self._transport.send(self._look(wait_s, min(left_s, OUTAGE_PATIENCE_S))))
        # A server that cannot listen for changes answers at once: do not flood it.
        rest_s = SHORTEST_POLL_S - (time.monotonic() - asked_at)
        if wait_s > 0 and not has_changed and rest_s > 0:
            time.sleep(rest_s)
        return has_changed

    def _look(self, wait_s: float, patience_s: float) -> Call:
        return Call(
            method="GET",
            path=self._path,
            parameters={**self._scope, **({"wait": round(wait_s, 3)} if wait_s > 0 else {})},
            headers={} if self._etag is None else {"If-None-Match": self._etag},
            is_repeatable=True,
            patience_s=patience_s,
            answer_within_s=self._transport.timeout_s + wait_s,
        )

    def _hear(self, answer: httpx.Response) -> bool:
        """Take over what the server told; say whether it is news."""
        if answer.status_code == NOT_MODIFIED:
            return False
        told = JobRecord.of(json_of(answer))
        is_news = told.version != self._record.version
        self._record, self._etag = told, answer.headers.get("ETag")
        return is_news

    def _require_success(self) -> None:
        if self.state == "cancelled":
            raise JobCancelled(f"job {self.id} was cancelled", self)
        if self.state == "failed":
            code, message = (
                ("unknown", "no reason told") if self.error is None else (self.error.code, self.error.message)
            )
            raise JobFailed(f"job {self.id} failed: {message} ({code})", self, code=code)
