"""Earlier results as answers: found by key, locked until the new job refers to them, their files kept while any does.

A job that reuses a result has no key of its own: only jobs that ran are found, and files lie in the folder of the job
that wrote them. So pruning asks one question of each folder: is there still a job that ran there, or one that refers
to it? Whoever is about to refer to a job holds its row, and pruning skips rows that are held.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from backend.core.db.many_jobs import NewJob, insert_jobs
from backend.core.jobs.lifecycle import JobState
from backend.core.jobs.reuse import EarlierRun, SeriesName, SeriesNow, is_current
from backend.core.jobs.submission import Submission

HAVE_CANDIDATES = text(
    """
SELECT asked.place
FROM unnest(CAST(:users AS uuid[]), CAST(:keys AS bytea[])) WITH ORDINALITY AS asked(user_id, key, place)
WHERE EXISTS (SELECT 1 FROM jobs j
              WHERE j.user_id = asked.user_id AND j.reuse_key = asked.key AND j.state = 'succeeded')
"""
)
"""Which of these questions (counted from 1) some earlier job may answer: one probe of one index each."""

_CANDIDATES = text(
    """
SELECT j.*, clock_timestamp() AS answered_at FROM unnest(CAST(:keys AS bytea[])) AS asked(key)
CROSS JOIN LATERAL (
  SELECT id, reuse_key, started_at, finished_at, result, summary FROM jobs
  WHERE user_id = :user_id AND reuse_key = asked.key AND state = 'succeeded' AND started_at IS NOT NULL
  ORDER BY finished_at DESC LIMIT 1 FOR KEY SHARE
) j
"""
)
"""The newest job of each key, kept from being pruned until the transaction ends."""

_SERIES = text(
    """
SELECT DISTINCT ON (s.symbol, s.timeframe)
  s.symbol, s.timeframe, s.source, s.revision, s.owner_id IS NOT NULL AS is_own, s.last_at, s.updated_at
FROM bar_series s
JOIN unnest(CAST(:symbols AS text[]), CAST(:timeframes AS text[])) AS wanted(symbol, timeframe)
  ON s.symbol = wanted.symbol AND s.timeframe = wanted.timeframe
WHERE s.owner_id = :user_id OR s.owner_id IS NULL
ORDER BY s.symbol, s.timeframe, s.owner_id NULLS LAST
"""
)
"""The series a user sees under these names: their own, else the shared one."""

_REFER = text(
    """
INSERT INTO artifacts (job_id, name, path, row_count, byte_count, sha256)
SELECT new.id, a.name, a.path, a.row_count, a.byte_count, a.sha256
FROM unnest(CAST(:ids AS uuid[]), CAST(:sources AS uuid[])) AS new(id, source)
JOIN artifacts a ON a.job_id = new.source
"""
)

UNNEEDED_FOLDERS = text(
    """
SELECT DISTINCT going.folder FROM (
  SELECT COALESCE(reused_from, id) AS folder FROM jobs WHERE id = ANY (CAST(:ids AS uuid[]))
) going
WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = going.folder AND j.id <> ALL (CAST(:ids AS uuid[])))
  AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.reused_from = going.folder AND j.id <> ALL (CAST(:ids AS uuid[])))
"""
)
"""The folders in the store that nobody needs once these jobs are gone; to be asked while they are there and locked."""


@dataclass(frozen=True)
class Reused:
    """An earlier job whose result is the answer to a new one."""

    job_id: UUID
    result: Mapping[str, Any]  # Any: JSON
    summary: str | None
    answered_at: datetime

    def columns(self) -> dict[str, Any]:  # Any: column values
        """Return what the row of the new job says, beside what it was asked: it is born with its result."""
        return {
            "state": JobState.SUCCEEDED,
            "progress": 1.0,
            "finished_at": self.answered_at,
            "result": self.result,
            "summary": self.summary,
            "reused_from": self.job_id,
            "reuse_key": None,
        }


def reusable(connection: Connection, user_id: UUID, wanted: Sequence[Submission]) -> Mapping[int, Reused]:
    """Return which of the wanted jobs have their answer already, by their place.

    What is returned stays where it is until the caller's transaction ends. An async connection calls this by
    `run_sync`.
    """
    asked = {place: one for place, one in enumerate(wanted) if one.may_reuse}
    keys = {place: one.reuse_key for place, one in asked.items()}
    if not keys:
        return {}
    values = {"user_id": user_id, "keys": list({key for key in keys.values() if key is not None})}
    found = {bytes(row["reuse_key"]): row for row in connection.execute(_CANDIDATES, values).mappings()}
    series = _series_of(connection, user_id, found.values())
    return {
        place: Reused(row["id"], row["result"], row["summary"], row["answered_at"])
        for place, one in asked.items()
        if (row := found.get(keys[place] or b"")) is not None and _answers(one, row, series)
    }


def insert_answered(
    connection: Connection, user_id: UUID, wanted: Submission, new: NewJob
) -> dict[str, Any] | None:  # Any: column values
    """Insert a job that an earlier result answers; return its row, or None when there is no such result."""
    found = reusable(connection, user_id, [wanted]).get(0)
    if found is None:
        return None
    born = NewJob({**new.values, **found.columns()}, new.max_running)
    added = connection.execute(insert_jobs([born])).mappings().one_or_none()
    if added is None:  # its idempotency key is taken
        return None
    refer(connection, {added["id"]: found.job_id})
    return {**added, "payload": born.values["payload"], "result": found.result}


def refer(connection: Connection, sources: Mapping[UUID, UUID]) -> None:
    """Let new jobs have the artifacts of those that they reuse; `sources` says whose, by the new job's id."""
    if sources:
        connection.execute(_REFER, {"ids": list(sources), "sources": list(sources.values())})


def _answers(wanted: Submission, row: RowMapping, series: Mapping[SeriesName, SeriesNow]) -> bool:
    terms = wanted.spec.reuse
    run = EarlierRun(row["started_at"], row["finished_at"], row["result"])
    if terms is None or not run.is_whole:
        return False
    end, now = terms.end(wanted.payload), row["answered_at"]
    return is_current(run, series, engine_version=terms.engine_version, end=end, now=now)


def _series_of(connection: Connection, user_id: UUID, rows: Iterable[RowMapping]) -> Mapping[SeriesName, SeriesNow]:
    names = {(used["symbol"], used["timeframe"]) for row in rows for used in row["result"]["provenance"]["bars"]}
    asked = {
        "user_id": user_id,
        "symbols": [symbol for symbol, _ in names],
        "timeframes": [timeframe for _, timeframe in names],
    }
    return {
        (row["symbol"], row["timeframe"]): SeriesNow(
            row["source"], row["revision"], row["is_own"], row["last_at"], row["updated_at"]
        )
        for row in connection.execute(_SERIES, asked).mappings()
    }
