"""Measure (g): what a claim costs as the table of jobs grows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from sqlalchemy import Engine, text

from backend.settings.connections import normal_database_url
from benchmarks.jobs.claim import FILL, OPEN_LANES, claim_one, claiming_engine, explained
from benchmarks.jobs.table import Line, Part
from tests.platform import Servers, migrated_template

USERS = 50
CLAIMS = {1_000: 90}
MANY_CLAIMS = 400
WANTED = "at most 2x, last to first"


def measure(servers: Servers, *, sizes: Sequence[int]) -> tuple[Part, dict[int, str]]:
    """Return the median claim at each size of one database that grows, and Postgres's plans."""
    database = servers.new_database(template=migrated_template(servers))
    engine = claiming_engine(normal_database_url(database))
    p50_ms: dict[int, float] = {}
    plans: dict[int, str] = {}
    rows = 0
    try:
        with engine.begin() as connection:
            for number in range(USERS):
                values = {"name": f"crowd-{number}"}
                connection.execute(text("INSERT INTO users VALUES (gen_random_uuid(), :name, 'admin')"), values)
            connection.execute(OPEN_LANES)
        for size in sizes:
            with engine.begin() as connection:
                connection.execute(FILL, {"first": rows + 1, "last": size, "users": USERS})
            rows = size
            _settle(engine)
            p50_ms[size] = _claim_p50_ms(engine, CLAIMS.get(size, MANY_CLAIMS))
            with engine.connect() as connection:
                plans[size] = explained(connection)
    finally:
        engine.dispose()
    lines = [Line(f"claim at {size:,} rows, {USERS} users, p50", "ms", value) for size, value in p50_ms.items()]
    first, last = p50_ms[sizes[0]], p50_ms[sizes[-1]]
    lines.append(Line(f"claim, {sizes[-1]:,} rows beside {sizes[0]:,}", "times", last / first, None, WANTED))
    return Part(lines), plans


def _settle(engine: Engine) -> None:
    """Vacuum, as autovacuum does on a server that lives longer than this."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE) jobs"))
        connection.execute(text("VACUUM (ANALYZE) job_lanes"))
        connection.execute(text("CHECKPOINT"))


def _claim_p50_ms(engine: Engine, claims: int) -> float:
    """Return the median of committed claims, without the wait for the disk, which is the same at any size."""
    times_ms = []
    with engine.connect() as connection:
        connection.execute(text("SET synchronous_commit = off"))
        connection.commit()
        for _ in range(claims):
            start = time.perf_counter()
            found = claim_one(connection)
            connection.commit()
            times_ms.append((time.perf_counter() - start) * 1000)
            if not found:
                raise RuntimeError(f"expected {claims} jobs to claim, there were {len(times_ms) - 1}")
    return median(times_ms[len(times_ms) // 10 :])
