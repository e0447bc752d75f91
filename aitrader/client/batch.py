"""A batch, as its owner holds it: how its jobs are, what they gave, and how to cancel them together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Self
from urllib.parse import quote

from aitrader.client.job import LONGEST_POLL_S, OUTAGE_PATIENCE_S, SHORTEST_POLL_S, Job
from aitrader.client.job_records import BatchRecord, JobPage, JobRecord, StateCounts
from aitrader.client.transport import Call, Parameters, Transport, json_of
from aitrader.errors import WaitTimeout

LONGEST_PAGE = 200


class Batch:
    """What the server told last about a batch; `refresh` and `wait` bring it up to date."""

    def __init__(self, record: BatchRecord, transport: Transport, *, all_users: bool = False) -> None:
        self._record = record
        self._transport = transport
        self._all_users = all_users
        self._scope: Parameters = {"all": "true"} if all_users else {}

    @property
    def record(self) -> BatchRecord:
        """Return all that the server told."""
        return self._record

    @property
    def id(self) -> str:
        return self._record.id

    @property
    def name(self) -> str | None:
        return self._record.name

    @property
    def job_count(self) -> int:
        return self._record.job_count

    @property
    def counts(self) -> StateCounts:
        """Return how many of its jobs were in each state."""
        return self._record.counts

    @property
    def is_finished(self) -> bool:
        """Tell whether all of its jobs have ended."""
        return self._record.finished_at is not None

    @property
    def created_at(self) -> datetime:
        return self._record.created_at

    @property
    def finished_at(self) -> datetime | None:
        return self._record.finished_at

    @property
    def job_ids(self) -> tuple[str, ...]:
        """Return the ids of its jobs, in the order of their submission."""
        if self._record.jobs is None:  # known from a list, which leaves them out
            self.refresh()
        return self._record.jobs or ()

    def jobs(self, *, state: str | None = None) -> list[Job]:
        """Fetch its jobs as they are now, in the order of their submission. state: only those in it."""
        parameters: dict[str, str | int | float | list[str]] = {**self._scope, "batch": self.id, "limit": LONGEST_PAGE}
        if state is not None:
            parameters["state"] = state
        found: dict[str, JobRecord] = {}
        while True:
            page = JobPage.of(self._transport.get("/jobs", parameters))
            found |= {record.id: record for record in page.jobs}
            if page.next_cursor is None:
                break
            parameters["cursor"] = page.next_cursor
        told = [found[job_id] for job_id in self.job_ids if job_id in found]
        return [Job(record, self._transport, all_users=self._all_users) for record in told]

    def results(self, timeout_s: float | None = None) -> Iterator[Job]:
        """Yield its jobs in the order of their submission, each once it has ended, however it did.

        timeout_s: for all of them; WaitTimeout where that is over.
        """
        give_up_at = None if timeout_s is None else time.monotonic() + timeout_s
        for job_id in self.job_ids:
            told = self._transport.get(f"/jobs/{quote(job_id, safe='')}", self._scope)
            job = Job(JobRecord.of(told), self._transport, all_users=self._all_users)
            left_s = None if give_up_at is None else max(give_up_at - time.monotonic(), 0.0)
            yield job.wait(left_s, raise_on_failure=False)

    def refresh(self) -> Self:
        """Ask the server how the batch is now."""
        self._look(0.0, OUTAGE_PATIENCE_S)
        return self

    def wait(self, timeout_s: float | None = None, on_change: Callable[[Batch], object] | None = None) -> Self:
        """Return the batch once all of its jobs have ended, however they did; WaitTimeout where they have not in time.

        on_change: called with the batch each time its counts are not as they were. timeout_s: None waits for ever.
        """
        give_up_at = None if timeout_s is None else time.monotonic() + timeout_s
        # Who wants to hear of changes looks more often: the server answers a wait only when all is over.
        longest_s = LONGEST_POLL_S if on_change is None else 1.0
        while not self.is_finished:
            left_s = OUTAGE_PATIENCE_S if give_up_at is None else give_up_at - time.monotonic()
            if left_s <= 0:
                raise WaitTimeout(f"batch {self.id} is not over after {timeout_s:g} s, and goes on", self)
            before, asked_at = self.counts, time.monotonic()
            self._look(min(left_s, longest_s), min(left_s, OUTAGE_PATIENCE_S))
            if on_change is not None and self.counts != before:
                on_change(self)
            # A server that cannot listen for changes answers at once: do not flood it.
            rest_s = SHORTEST_POLL_S - (time.monotonic() - asked_at)
            if not self.is_finished and rest_s > 0:
                time.sleep(rest_s)
        return self

    def cancel(self) -> Self:
        """End its jobs: at once those that wait, at their next check those that run."""
        call = Call(method="POST", path=f"{self._path}/cancel", parameters=self._scope, is_repeatable=True)
        self._record = BatchRecord.of(json_of(self._transport.send(call)))
        return self

    def __repr__(self) -> str:
        return f"<Batch {self.id} {self.counts.ended} of {self.job_count} ended>"

    @property
    def _path(self) -> str:
        return f"/jobs/batches/{quote(self.id, safe='')}"

    def _look(self, wait_s: float, patience_s: float) -> None:
        call = Call(
            method="GET",
            path=self._path,
            parameters={**self._scope, **({"wait": round(wait_s, 3)} if wait_s > 0 else {})},
            is_repeatable=True,
            patience_s=patience_s,
            answer_within_s=self._transport.timeout_s + wait_s,
        )
        self._record = BatchRecord.of(json_of(self._transport.send(call)))
