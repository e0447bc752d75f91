"""When an earlier result is the answer to a new job: the same question, the same engine, and the same data still.

1. Same question: the same user sent the same payload for a type whose result is a function of payload and bars.
2. Same engine: the version that made the result is the one that would run now.
3. Same data: each series that was used is what this user would get now, at the same revision, and no provider would be
   asked for newer bars. A series of the user's own that came since hides the shared one, so it ends the reuse.
4. Whole: nothing failed and nothing was warned of, or trying again might give more.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic_core import to_json

from backend.core.jobs.payload import Contract
from backend.core.jobs.provenance import BarsUsed, Provenance
from market_data.freshness import STATIC_SOURCES, is_behind
from market_data.timeframe import check_timeframe

SeriesName = tuple[str, str]


@dataclass(frozen=True)
class SeriesNow:
    """A stored series, as a user sees it now."""

    source: str
    revision: int
    is_own: bool
    last_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True)
class EarlierRun:
    """A job that succeeded: when its last attempt began, when it ended, and what it gave."""

    started_at: datetime
    finished_at: datetime
    result: Mapping[str, Any]  # Any: JSON

    @property
    def is_whole(self) -> bool:
        return not self.result.get("failures") and not self.result.get("warnings")

    @property
    def provenance(self) -> Provenance:
        return Provenance.model_validate_json(to_json(self.result["provenance"]))


def reuse_key(job_type: str, engine_version: str, payload: Contract, *, hints: frozenset[str] = frozenset()) -> bytes:
    """Return what jobs have in common that ask the same of the same engine; `hints` say only how the work is done."""
    told = payload.model_dump(mode="json", exclude=set(hints))
    asked = to_json([job_type, engine_version, told], by_alias=False)
    return hashlib.sha256(asked).digest()


def is_current(
    run: EarlierRun,
    series: Mapping[SeriesName, SeriesNow],
    *,
    engine_version: str,
    end: date | None,
    now: datetime,
) -> bool:
    """Tell whether running again would use the same bars, and so give the same result.

    series: what the user sees now, by symbol and timeframe. end: the last day that the payload asks for.
    """
    made_by = run.provenance
    if made_by.engine_version != engine_version or not made_by.bars:
        return False
    return all(_is_same(used, series.get((used.symbol, used.timeframe)), run, end, now) for used in made_by.bars)


def _is_same(used: BarsUsed, found: SeriesNow | None, run: EarlierRun, end: date | None, now: datetime) -> bool:
    if found is None or found.last_at is None:
        return False
    if (found.source, found.revision) != (used.source, used.revision):
        return False
    # Series count their revisions alone, so one that took another's place may bear the same number. A run itself may
    # have fetched a shared series, but never one of the user's own.
    if found.updated_at > (run.started_at if found.is_own else run.finished_at):
        return False
    if found.source in STATIC_SOURCES:
        return True
    return not is_behind(found.last_at, found.updated_at, check_timeframe(used.timeframe), end, now)
