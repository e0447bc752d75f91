"""Measure (f): a user's single job behind ten thousand of another, on one slot."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.jobs import load
from benchmarks.jobs.systems import Product, product_on
from benchmarks.jobs.table import Line, Part
from benchmarks.jobs.throughput import post
from tests.platform import Servers
from tests.waiting import eventually

JOB_S = 0.1
SECONDS_FOR_FLOOD = 60.0
SINGLE = "(user_id <> (SELECT id FROM users WHERE name = 'flooder'))"


def measure(servers: Servers, folder: Path, *, flood: int, singles: int) -> Part:
    """Return how long a single job waits for its start, in times of one job of the flood."""
    with product_on(servers, folder, 5) as product:
        product.start_api()
        body = json.dumps({"job_type": "probe", "payload": {"sleep_s": JOB_S}})
        flooder = product.headers_of("flooder")
        plan = load.Plan(product.url, "/jobs", body, flooder, seconds=SECONDS_FOR_FLOOD, max_requests=flood)
        posted = load.run(plan).requests
        product.start_workers(concurrency=1)
        with psycopg.connect(product.database_url, autocommit=True) as connection:
            eventually(lambda: _running(connection) == 1, timeout_s=60, what="a job of the flood to run")
            job_s = _job_s(connection)
            waits = [_wait(product, connection, body, product.headers_of(f"single-{i % 5}")) for i in range(singles)]
    waits_s = [wait.seconds for wait in waits]
    name = f"a single job's wait behind {posted:,} of another user, one slot"
    return Part(
        [
            Line(f"{name}, median", "times one job", median(waits_s) / job_s, None, "at most 1"),
            Line(f"{name}, worst of {singles}", "times one job", max(waits_s) / job_s, None, "at most 1"),
            Line(
                f"{name}: jobs begun before it, worst",
                "jobs",
                max(wait.overtaken_by for wait in waits),
                None,
                "at most 1",
            ),
        ],
        [f"One job of the flood took {job_s * 1000:.0f} ms; first come, first served means {posted * job_s:,.0f} s."],
    )


@dataclass(frozen=True)
class Wait:
    """From the row to the start of a single job; and how many jobs of the flood began after it had been accepted."""

    seconds: float
    overtaken_by: int


def _wait(
    product: Product, connection: psycopg.Connection[tuple[object, ...]], body: str, headers: dict[str, str]
) -> Wait:
    before = _count(connection, f"started_at IS NOT NULL AND {SINGLE}")
    post(product.url, "/jobs", body.encode(), headers)
    accepted = connection.execute("SELECT clock_timestamp()").fetchone()
    eventually(
        lambda: _count(connection, f"started_at IS NOT NULL AND {SINGLE}") > before, timeout_s=60, what="the single job"
    )
    row = connection.execute(
        "SELECT extract(epoch FROM started_at - created_at)::float8, started_at FROM jobs"
        f" WHERE {SINGLE} ORDER BY created_at DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    assert accepted is not None
    overtaken = connection.execute(
        f"SELECT count(*) FROM jobs WHERE NOT {SINGLE} AND started_at > %s AND started_at < %s", (accepted[0], row[1])
    ).fetchone()
    assert overtaken is not None
    time.sleep(JOB_S / 3)  # the next is sent at another moment of a job's time
    return Wait(float(str(row[0])), int(str(overtaken[0])))


def _job_s(connection: psycopg.Connection[tuple[object, ...]]) -> float:
    """Return the median time from one start to the next."""
    eventually(
        lambda: _count(connection, "finished_at IS NOT NULL") >= 20, timeout_s=120, what="some jobs of the flood"
    )
    row = connection.execute(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY step) FROM (SELECT extract(epoch FROM started_at -"
        " lag(started_at) OVER (ORDER BY started_at))::float8 AS step FROM jobs WHERE started_at IS NOT NULL) s"
    ).fetchone()
    assert row is not None
    return float(str(row[0]))


def _running(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    return _count(connection, "state = 'running'")


def _count(connection: psycopg.Connection[tuple[object, ...]], where: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM jobs WHERE {where}").fetchone()
    assert row is not None
    return int(str(row[0]))
