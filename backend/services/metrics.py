"""What a scrape shows: this process's own instruments, and what the relay has counted of all jobs.

The relay's counts come from Postgres as they are: a scrape counts nothing, however many jobs there are.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.concurrency import run_in_threadpool

from backend.core import heartbeats
from backend.core.db.job_metrics import BUCKETS_S, READ
from backend.core.jobs.lifecycle import TERMINAL, UNFINISHED
from backend.core.jobs.registry import JOB_TYPES, QUEUES
from backend.services.instruments import Instruments

ASK_WITHIN_S = 3.0
UPPER_BOUNDS = [*map(str, BUCKETS_S), "+Inf"]


@dataclass(frozen=True)
class Counts:
    """The relay's counts, by metric, then by (job type, label)."""

    by_metric: Mapping[str, Mapping[tuple[str, str], RowMapping]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[RowMapping]) -> "Counts":
        found: dict[str, dict[tuple[str, str], RowMapping]] = defaultdict(dict)
        for row in rows:
            found[row["metric"]][row["job_type"], row["label"]] = row
        return cls(found)

    def count(self, metric: str, job_type: str, label: str) -> int:
        row = self.by_metric.get(metric, {}).get((job_type, label))
        return 0 if row is None else int(row["count"])

    def total(self, metric: str, job_type: str) -> float:
        rows = self.by_metric.get(metric, {})
        return float(sum(row["sum"] for (of_type, _), row in rows.items() if of_type == job_type))

    def labels(self, metric: str) -> Sequence[str]:
        return sorted({label for _, label in self.by_metric.get(metric, {})})

    def age_s(self, metric: str, job_type: str, label: str) -> float:
        row = self.by_metric.get(metric, {}).get((job_type, label))
        return 0.0 if row is None or row["age_s"] is None else max(float(row["age_s"]), 0.0)

    @property
    def told_s(self) -> float | None:
        """Return how long ago the relay last wrote what it had done; None: it never has."""
        duties = self.by_metric.get("duty", {}).values()
        return min((float(row["told_s"]) for row in duties), default=None)


class Metrics:
    def __init__(self, engine: AsyncEngine, redis: Redis, instruments: Instruments) -> None:
        self._engine = engine
        self._redis = redis
        self._instruments = instruments

    async def text(self) -> bytes:
        """Return all metrics in Prometheus's text format; what cannot be asked now is left out, and said to be down."""
        counts, alive = await asyncio.gather(self._counts(), self._alive())
        up = GaugeMetricFamily("aitrader_up", "Whether this process reaches a part.", labels=["part"])
        up.add_metric(["db"], counts is not None)
        up.add_metric(["redis"], alive is not None)
        families = [up, *(_of_jobs(counts) if counts is not None else ()), *(alive or ())]
        return await run_in_threadpool(generate_latest, _Once([*self._instruments.registry.collect(), *families]))

    async def _counts(self) -> Counts | None:
        try:
            async with asyncio.timeout(ASK_WITHIN_S), self._engine.connect() as connection:
                return Counts.of((await connection.execute(READ)).mappings())
        except (SQLAlchemyError, OSError, TimeoutError):
            return None

    async def _alive(self) -> Sequence[Metric] | None:
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                workers = await heartbeats.living_workers(self._redis)
                relays = await heartbeats.living_relays(self._redis)
        except (RedisError, OSError, TimeoutError):
            return None
        slots = GaugeMetricFamily("aitrader_worker_slots", "Jobs that workers can run at once.", labels=["queue"])
        for queue in QUEUES:
            slots.add_metric([queue], sum(worker.slots for worker in workers if queue in worker.queues))
        active = sum(relay.is_active for relay in relays)
        told = GaugeMetricFamily("aitrader_relays", "Relays that live.", labels=["state"])
        told.add_metric(["active"], active)
        told.add_metric(["standby"], len(relays) - active)
        busy = GaugeMetricFamily("aitrader_worker_busy", "Jobs that workers run.", sum(one.busy for one in workers))
        return [GaugeMetricFamily("aitrader_workers", "Workers that live.", len(workers)), slots, busy, told]


@dataclass(frozen=True)
class _Once:
    """Families that were collected already, in the shape of a registry."""

    families: Sequence[Metric]

    def collect(self) -> Iterator[Metric]:
        return iter(self.families)


def _of_jobs(counts: Counts) -> Iterator[Metric]:
    ended = CounterMetricFamily("aitrader_jobs", "Jobs that ended.", labels=["type", "status"])
    now = GaugeMetricFamily("aitrader_jobs", "Jobs that have not ended.", labels=["type", "state"])
    for job_type in JOB_TYPES:
        for status in sorted(TERMINAL):
            ended.add_metric([job_type, status], counts.count("ended", job_type, status))
        for state in sorted(UNFINISHED):
            now.add_metric([job_type, state], counts.count("state", job_type, state))
    yield from (ended, now)
    yield _histogram("duration", "aitrader_job_duration_seconds", "How long the last attempt took.", counts)
    yield _histogram("wait", "aitrader_job_wait_seconds", "From when a job may run to its last attempt.", counts)
    depth = GaugeMetricFamily("aitrader_job_queue_depth", "Jobs that could run now.", labels=["queue"])
    age = GaugeMetricFamily("aitrader_job_queue_age_seconds", "How long the oldest of them waits.", labels=["queue"])
    for queue in QUEUES:
        depth.add_metric([queue], counts.count("queue", "", queue))
        age.add_metric([queue], counts.age_s("queue", "", queue))
    yield from (depth, age)
    yield from _rare(counts)
    yield from _duties(counts)


def _rare(counts: Counts) -> Iterator[Metric]:
    rescues = CounterMetricFamily(
        "aitrader_job_rescues", "Attempts whose process was gone, or over its time.", labels=["type", "reason"]
    )
    losses = CounterMetricFamily(
        "aitrader_job_lease_losses", "Attempts that found their job to be somebody else's.", labels=["type"]
    )
    for job_type in JOB_TYPES:
        rescues.add_metric([job_type, "lost"], counts.count("event", job_type, "rescued"))
        rescues.add_metric([job_type, "timed_out"], counts.count("event", job_type, "timed_out"))
        losses.add_metric([job_type], counts.count("event", job_type, "lease_lost"))
    yield from (rescues, losses)
    failures = CounterMetricFamily("aitrader_worker_publish_failures", "The same, of workers, keepers and the relay.")
    failures.add_metric([], counts.count("event", "", "publish_failed"))
    yield failures


def _duties(counts: Counts) -> Iterator[Metric]:
    runs = CounterMetricFamily("aitrader_relay_duty_runs", "Rounds of a duty.", labels=["duty", "outcome"])
    took = CounterMetricFamily("aitrader_relay_duty_seconds", "What they took.", labels=["duty"])
    for duty in sorted({*counts.labels("duty"), *counts.labels("duty_failed")}):
        runs.add_metric([duty, "done"], counts.count("duty", "", duty))
        runs.add_metric([duty, "failed"], counts.count("duty_failed", "", duty))
        took.add_metric(
            [duty],
            sum(
                float(row["sum"])
                for metric in ("duty", "duty_failed")
                for (_, label), row in counts.by_metric.get(metric, {}).items()
                if label == duty
            ),
        )
    yield from (runs, took)
    if counts.told_s is not None:
        yield GaugeMetricFamily(
            "aitrader_relay_last_seen_seconds", "How long ago the relay last counted.", counts.told_s
        )


def _histogram(metric: str, name: str, told: str, counts: Counts) -> Metric:
    found = HistogramMetricFamily(name, told, labels=["type"])
    for job_type in JOB_TYPES:
        running = 0
        buckets: list[tuple[str, float]] = []
        for place, bound in enumerate(UPPER_BOUNDS):
            running += counts.count(metric, job_type, str(place))
            buckets.append((bound, running))
        found.add_metric([job_type], buckets, counts.total(metric, job_type))
    return found
