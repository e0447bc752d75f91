"""Steering many jobs, and queues: what `Client` has beside single jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from aitrader.client.job_records import BulkResult, QueueList, QueueRecord
from aitrader.client.moments import aware
from aitrader.client.transport import Call, Transport, json_body, json_of

BULK_TIMEOUT_S = 120.0  # ten thousand jobs are changed before the answer comes


class Control:
    """Calls that change more than one job. `Client` is one."""

    _transport: Transport

    def cancel_jobs(
        self,
        *,
        confirm: int | None = None,
        all_users: bool = False,
        **chosen: Any,  # Any: the filter's parts, as `_filter` names them
    ) -> BulkResult:
        """Cancel all unfinished jobs that match. Without `confirm`, the number that must match, only count them.

        states, job_types, ids: sequences. batch: an id. created_after, created_before: times. All may be left out.
        """
        return self._bulk("cancel", _filter(**chosen), confirm, all_users=all_users)

    def retry_jobs(
        self,
        *,
        confirm: int | None = None,
        all_users: bool = False,
        **chosen: Any,  # Any: the same
    ) -> BulkResult:
        """Queue all failed and cancelled jobs that match once more; the rest is as with `cancel_jobs`."""
        return self._bulk("retry", _filter(**chosen), confirm, all_users=all_users)

    def queues(self) -> list[QueueRecord]:
        """Return all queues: how full they are, and whether they are paused or draining (admins only)."""
        return list(QueueList.of(self._transport.get("/queues")).queues)

    def pause_queue(self, name: str) -> QueueRecord:
        """Let no more jobs of a queue begin; it still takes jobs, and those that run go on (admins only)."""
        return self._steer(name, "pause")

    def drain_queue(self, name: str) -> QueueRecord:
        """Let a queue take nothing new and finish what it has (admins only)."""
        return self._steer(name, "drain")

    def resume_queue(self, name: str) -> QueueRecord:
        """Undo pause and drain (admins only)."""
        return self._steer(name, "resume")

    def _bulk(self, verb: str, chosen: Mapping[str, Any], confirm: int | None, *, all_users: bool) -> BulkResult:
        call = Call(
            method="POST",
            path=f"/jobs/bulk/{verb}",
            parameters={"all": "true"} if all_users else {},
            headers={"Content-Type": "application/json"},
            content=json_body({"filter": chosen, "confirm": confirm}),
            is_repeatable=confirm is None,  # the second of two would find another number
            answer_within_s=BULK_TIMEOUT_S,
        )
        return BulkResult.of(json_of(self._transport.send(call)))

    def _steer(self, name: str, verb: str) -> QueueRecord:
        call = Call(method="POST", path=f"/queues/{quote(name, safe='')}/{verb}", is_repeatable=True)
        return QueueRecord.of(json_of(self._transport.send(call)))


def _filter(
    *,
    states: Sequence[str] = (),
    job_types: Sequence[str] = (),
    ids: Sequence[str] = (),
    batch: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> dict[str, Any]:  # Any: a JSON value
    chosen = {
        "states": list(states),
        "job_types": list(job_types),
        "ids": list(ids),
        "batch": batch,
        "created_after": None if created_after is None else aware(created_after).isoformat(),
        "created_before": None if created_before is None else aware(created_before).isoformat(),
    }
    return {name: value for name, value in chosen.items() if value}
