"""Starting and finding batches: what `Client` has beside single jobs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from aitrader.client.batch import Batch
from aitrader.client.job_records import BatchPage, BatchRecord
from aitrader.client.moments import aware
from aitrader.client.record import Json
from aitrader.client.transport import Call, Parameters, Transport, idempotency_key_of, json_body, json_of

SUBMIT_TIMEOUT_S = 60.0
LONGEST_PAGE = 100


class Batching:
    """Calls about batches. `Client` makes them."""

    _transport: Transport

    def submit_batch(
        self, jobs: Iterable[Json], *, name: str | None = None, idempotency_key: str | None = None
    ) -> Batch:
        """Return a new batch of up to 1,000 jobs: all of them are started, or none.

        jobs: `{"job_type": ..., "payload": {...}}` each, and what else `submit` takes. One that is wrong refuses all;
        the error's `problems` say which: `jobs.17.payload.symbols`.
        """
        body = {"jobs": [_as_json(job) for job in jobs], **({} if name is None else {"name": name})}
        call = Call(
            method="POST",
            path="/jobs/batch",
            headers={"Content-Type": "application/json", "Idempotency-Key": idempotency_key_of(idempotency_key)},
            content=json_body(body),
            is_repeatable=True,  # by its key
            answer_within_s=SUBMIT_TIMEOUT_S,
        )
        return Batch(BatchRecord.of(json_of(self._transport.send(call))), self._transport)

    def batch(self, batch_id: str, *, all_users: bool = False) -> Batch:
        """Return the batch of that id. all_users: another user's, too (admins only)."""
        path = f"/jobs/batches/{quote(batch_id, safe='')}"
        told = self._transport.get(path, {"all": "true"} if all_users else {})
        return Batch(BatchRecord.of(told), self._transport, all_users=all_users)

    def batches(self, *, limit: int = 50, all_users: bool = False) -> list[Batch]:
        """Return the newest batches. all_users: not only one's own (admins only)."""
        scope: Parameters = {"all": "true"} if all_users else {}
        cursor: dict[str, str] = {}
        found: list[BatchRecord] = []
        while len(found) < limit:
            length = min(LONGEST_PAGE, limit - len(found))
            page = BatchPage.of(self._transport.get("/jobs/batches", {**scope, **cursor, "limit": length}))
            found += page.batches
            if page.next_cursor is None:
                break
            cursor = {"cursor": page.next_cursor}
        return [Batch(record, self._transport, all_users=all_users) for record in found]


def _as_json(job: Json) -> dict[str, Any]:  # Any: a JSON value, it is hoped
    return {name: aware(value).isoformat() if isinstance(value, datetime) else value for name, value in job.items()}
