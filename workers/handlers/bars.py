"""What handlers tell of the bars they used, and of those they could not get."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from backend.core.jobs.outcomes import InvalidJob, TryLater
from backend.core.jobs.provenance import BarsUsed, Machine, Provenance
from market_data.bars import Bars
from market_data.errors import DomainError, ProviderUnavailable
from market_data.timeframe import NS_PER_S, step_ns
from workers.context import Context

FIRST_NS = -(2**63)
LONGEST_WAIT_S = 5.0
"""A provider that hangs fails a job within half a minute: three attempts of 5 s each, with two such waits."""


def provenance(
    context: Context, engine: str, engine_version: str, used: Sequence[BarsUsed], machine: Machine | None = None
) -> Provenance:
    """Return what it takes to get the same result again."""
    ordered = sorted(used, key=lambda bars: (bars.symbol, bars.timeframe))
    digest = hashlib.sha256("".join(bars.fingerprint for bars in ordered).encode())
    return Provenance(
        engine=engine,
        engine_version=engine_version,
        payload_hash=context.payload_hash,
        seed=context.seed,
        data_fingerprint=digest.hexdigest(),
        bars=tuple(ordered),
        machine=machine,
    )


def closed(bars: Bars, now: datetime) -> Bars:
    """Return the bars whose time is over: the newest one may still be forming."""
    return bars.between(FIRST_NS, int(now.timestamp() * NS_PER_S) - step_ns(bars.timeframe))


def as_outcome(error: DomainError) -> InvalidJob | TryLater:
    """Return how a job ends that needed what could not be had."""
    if isinstance(error, ProviderUnavailable):
        return TryLater(error.code, str(error), min(error.retry_after_s, LONGEST_WAIT_S))
    return InvalidJob(error.code, str(error))


def iso(time_ns: int) -> str:
    """Return a bar's time as text: 2013-03-01T00:00:00Z."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
