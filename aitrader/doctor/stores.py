"""Where things are kept: Postgres, Redis, the artifacts, the disk."""

import shutil
import time
from datetime import UTC, datetime
from uuid import uuid4

from redis.exceptions import RedisError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from aitrader.doctor.findings import Finding, Patient, failed, ms_since, ok, skipped
from backend.core.artifacts import ArtifactStore
from backend.core.db.sessions import sync_engine
from backend.core.db.tables import SCHEMA_REVISION
from backend.core.redis import sync_redis

LEAST_FREE_BYTES = 1_000_000_000
OLDEST_POSTGRES = 150_000
OLDEST_REDIS = 7
MAX_SKEW_S = 5.0
CROWDED_FRAC = 0.9
LASTING = ("fsync", "full_page_writes", "synchronous_commit")
"""Settings of Postgres without which a crash of its host may lose what was acknowledged."""


def postgres(patient: Patient) -> Finding:
    if patient.settings.database_url is None:
        return no_address(patient, "DATABASE_URL")
    engine = sync_engine(patient.settings.database)
    started = time.perf_counter()
    try:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if found != SCHEMA_REVISION:
                told = f"the schema is at {found}, this version needs {SCHEMA_REVISION}"
                return failed(told, "run `aitrader migrate`")
            timings = {"first answer": ms_since(started)}
            return _settings_of_postgres(connection) or ok(_postgres_told(connection, timings), timings)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        return failed(f"it does not answer: {reason}", "check DATABASE_URL, or read `aitrader logs postgres`")
    finally:
        engine.dispose()


def _settings_of_postgres(connection: Connection) -> Finding | None:
    """Return what is wrong with how Postgres is set up, if anything is."""
    off = [
        name for name in LASTING if connection.scalar(text("SELECT current_setting(:name)"), {"name": name}) == "off"
    ]
    if off:
        told = f"{', '.join(off)} is off: a crash of its host may lose jobs that were acknowledged"
        return failed(told, "set it to on in postgresql.conf, and restart Postgres")
    version = int(connection.scalar(text("SELECT current_setting('server_version_num')")) or 0)
    if version < OLDEST_POSTGRES:
        return failed(f"it is version {version // 10_000}, 15 or newer is needed", "upgrade Postgres")
    skew_s = _skew_s(connection)
    if abs(skew_s) > MAX_SKEW_S:
        return failed(f"its clock is {skew_s:+.1f} s from this machine's", "let both hosts keep time by NTP")
    used, limit = connection.execute(
        text("SELECT (SELECT count(*) FROM pg_stat_activity), current_setting('max_connections')::int")
    ).one()
    if used > CROWDED_FRAC * limit:
        return failed(f"{used} of {limit} connections are in use", "raise max_connections, or run fewer processes")
    return None


def _skew_s(connection: Connection) -> float:
    """Return how far the server's clock is ahead of ours, to within half a round trip."""
    before = datetime.now(UTC)
    there: datetime | None = connection.scalar(text("SELECT clock_timestamp()"))
    after = datetime.now(UTC)
    assert there is not None
    return (there - (before + (after - before) / 2)).total_seconds()


def _postgres_told(connection: Connection, timings: dict[str, float]) -> str:
    started = time.perf_counter()
    version = connection.scalar(text("SELECT current_setting('server_version')"))
    timings["one query"] = ms_since(started)
    skew_ms = round(_skew_s(connection) * 1000)
    return f"version {version}, schema {SCHEMA_REVISION}, {timings['one query']} ms a query, clock {skew_ms:+d} ms"


def redis(patient: Patient) -> Finding:
    if patient.settings.redis_url is None:
        return no_address(patient, "REDIS_URL")
    client = sync_redis(patient.settings.redis)
    started = time.perf_counter()
    try:
        client.ping()
        took_ms = ms_since(started)
        server, memory = client.info("server"), client.info("memory")
    except RedisError as error:
        return failed(f"it does not answer: {error}", "check REDIS_URL, or read `aitrader logs valkey`")
    finally:
        client.close()
    version = str(server.get("valkey_version") or server.get("redis_version") or "0")
    if int(version.partition(".")[0]) < OLDEST_REDIS:
        return failed(f"it is version {version}, {OLDEST_REDIS} or newer is needed", "upgrade Redis")
    policy = memory.get("maxmemory_policy", "noeviction")
    if memory.get("maxmemory") and policy != "noeviction":
        told = f"maxmemory-policy is {policy}: when memory is short, doorbells and histories would be dropped"
        return failed(told, "set maxmemory-policy noeviction")
    name = "Valkey" if server.get("valkey_version") else "Redis"
    return ok(f"{name} {version}, {policy}, {took_ms} ms", {"ping": took_ms})


def artifacts(patient: Patient) -> Finding:
    """Write a file into the store, read it and remove it."""
    if patient.is_elsewhere and patient.settings.artifacts_url is None:
        return skipped("ARTIFACTS_URL is not set, and the server is not the local stack")
    place = patient.settings.artifacts
    started = time.perf_counter()
    try:
        ArtifactStore(place).try_out(uuid4())
    except Exception as error:  # noqa: BLE001 - each kind of store has errors of its own
        told = f"{type(error).__name__} at {place}: {error}"
        return failed(told, "let this user write there, or correct ARTIFACTS_URL")
    took_ms = ms_since(started)
    return ok(f"writable, {took_ms} ms", {"write, read, remove": took_ms})


def disk(patient: Patient) -> Finding:
    if patient.is_elsewhere:
        return skipped(f"the server is {patient.url}, not the local stack")
    place = next(path for path in (patient.folder.path, *patient.folder.path.parents) if path.exists())
    free = shutil.disk_usage(place).free
    told = f"{free / 1e9:.1f} GB free at {place}"
    return ok(told) if free >= LEAST_FREE_BYTES else failed(told, "make room: below 1 GB results may not be kept")


def no_address(patient: Patient, name: str) -> Finding:
    if patient.is_elsewhere:
        return skipped(f"{name} is not set; the server's own view is below")
    return failed("no address is known", f"set {name}, or start the stack with `aitrader up`")
