"""Records of jobs that are run again: the bars they used, and the comparison with what they gave."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, select

from backend.core.artifacts import StoredArtifact
from backend.core.db.tables import artifacts, jobs
from backend.core.jobs.job import JobSummary
from backend.core.jobs.outcomes import InvalidJob, Outcome
from backend.core.jobs.provenance import BarsUsed, Provenance
from backend.core.jobs.registry import JOB_TYPES
from backend.core.jobs.reproduction import Given, compare
from market_data.timeframe import NS_PER_S, Timeframe
from workers.context import LoadedBars
from workers.handlers.bars import iso

LoadBars = Callable[[str, Timeframe, date | None, date | None], LoadedBars]


@dataclass(frozen=True)
class Record:
    """A job that succeeded, and what it gave."""

    job_id: UUID
    given: Given

    @property
    def bars(self) -> Mapping[tuple[str, str], BarsUsed]:
        told = Provenance.model_validate_json(json.dumps(self.given.result["provenance"]))
        return {(used.symbol, used.timeframe): used for used in told.bars}


class Records:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, job: JobSummary) -> Record | None:
        """Return the record that a job runs again; None for a job that runs none. Raises InvalidJob once it is gone."""
        if job.reproduces is None:
            return None
        theirs = (jobs.c.id == job.reproduces) & (jobs.c.user_id == job.user_id)
        files = select(artifacts.c.name, artifacts.c.sha256).where(artifacts.c.job_id == job.reproduces)
        with self._engine.connect() as connection:
            result: Mapping[str, Any] | None = connection.execute(select(jobs.c.result).where(theirs)).scalar()
            hashes = {row.name: bytes(row.sha256).hex() for row in connection.execute(files)}
        if result is None:
            raise InvalidJob("record_gone", f"job {job.reproduces}, which this one runs again, is there no more")
        return Record(job.reproduces, Given(_whole(job.job_type, json.dumps(result)), hashes))

    def compared(self, job: JobSummary, outcome: Outcome, stored: Sequence[StoredArtifact]) -> Outcome:
        """Return the outcome with a word on how it compares with the record that the job runs again, if it does."""
        record = self.of(job)
        if record is None:
            return outcome
        now = Given(
            json.loads(outcome.result.model_dump_json()),
            {artifact.name: artifact.sha256.hex() for artifact in stored},
        )
        found = compare(record.job_id, record.given, now)
        result = outcome.result.model_copy(update={"reproduction": found})
        summary = found.told if outcome.summary is None else f"{found.told}; {outcome.summary}"
        return replace(outcome, result=result, summary=summary)


def recorded_bars(load: LoadBars, record: Record) -> LoadBars:
    """Return a way to bars that gives those of the record's span only, where there are any."""
    known = record.bars

    def loaded(symbol: str, timeframe: Timeframe, start: date | None, end: date | None) -> LoadedBars:
        used = known.get((symbol, timeframe))
        if used is None:
            return load(symbol, timeframe, start, end)
        last = datetime.fromisoformat(used.last_bar)
        found = load(symbol, timeframe, start, min(end or date.max, last.date()))
        return _cut(found, _ns(datetime.fromisoformat(used.first_bar)), _ns(last))

    return loaded


def _cut(found: LoadedBars, first_ns: int, last_ns: int) -> LoadedBars:
    bars = found.bars.between(first_ns, last_ns)
    if len(bars) in {0, len(found.bars)}:
        return found
    span = {"first_bar": iso(int(bars.time[0])), "last_bar": iso(int(bars.time[-1]))}
    told = {"bar_count": len(bars), "fingerprint": bars.fingerprint(), **span}
    return replace(found, bars=bars, used=found.used.model_copy(update=told))


def _ns(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp()) * NS_PER_S


def _whole(job_type: str, text: str) -> Mapping[str, Any]:  # Any: JSON
    """Return a result of once as it would be written now: with the fields that came later, as they were without."""
    read = JOB_TYPES[job_type].result.model_validate_json(text)
    whole: Mapping[str, Any] = json.loads(read.model_dump_json())
    return whole
