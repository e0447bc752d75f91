"""Checks of an installation, one after the other, each with what to do about a failure."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from aitrader.client import Client
from aitrader.client.installation import find_url
from aitrader.errors import AitraderError
from aitrader.health import Health, read_health
from aitrader.stack.data_dir import DataDir
from aitrader.stack.state import ComponentStatus, StackState, read_state
from backend.core.db.sessions import sync_engine
from backend.core.db.tables import SCHEMA_REVISION
from backend.core.redis import sync_redis
from backend.settings import Settings

Outcome = Literal["ok", "failed", "skipped"]
LEAST_FREE_BYTES = 1_000_000_000
OTHERS_MAY = 0o077
PROBE_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Finding:
    outcome: Outcome
    detail: str
    advice: str | None = None


@dataclass(frozen=True)
class Check:
    name: str
    finding: Finding


def examine(data_dir: Path) -> Iterator[Check]:
    """Yield each check as soon as it is done."""
    patient = _Patient(data_dir)
    for name, look in CHECKS.items():
        yield Check(name, look(patient))


def ok(detail: str) -> Finding:
    return Finding("ok", detail)


def failed(detail: str, advice: str) -> Finding:
    return Finding("failed", detail, advice)


def skipped(detail: str) -> Finding:
    return Finding("skipped", detail)


class _Patient:
    """The installation under examination; what several checks need is asked once."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = DataDir(data_dir)
        self.stack: StackState | None = read_state(data_dir)
        self.url: str | None = None
        self.why_no_url = ""
        try:
            self.url = find_url()
        except AitraderError as error:
            self.why_no_url = str(error)

    @property
    def is_elsewhere(self) -> bool:
        """Tell whether another installation than the local stack was named."""
        return self.url is not None and (self.stack is None or self.stack.url != self.url)

    @cached_property
    def settings(self) -> Settings:
        return Settings()

    @cached_property
    def health(self) -> Health | None:
        return None if self.url is None else read_health(self.url)


def _data_dir(patient: _Patient) -> Finding:
    folder = patient.folder
    if patient.is_elsewhere:
        return skipped(f"the server is {patient.url}, not the local stack")
    if not folder.path.is_dir():
        return failed(f"{folder.path} does not exist", "start the stack once with `aitrader up`, which makes it")
    secrets = (folder.admin_token, folder.connections, folder.postgres_password, folder.redis_password)
    files = [file for file in (*secrets, folder.flower_password, folder.state) if file.exists()]
    open_files = [str(file) for file in files if file.stat().st_mode & OTHERS_MAY]
    if open_files:
        return failed(f"others may read {', '.join(open_files)}", f"run `chmod 600 {' '.join(open_files)}`")
    return ok(f"{folder.path}, {len(files)} private files")


def _stack(patient: _Patient) -> Finding:
    if patient.is_elsewhere:
        return skipped(f"the server is {patient.url}, not the local stack")
    if patient.stack is None:
        return failed(f"no stack runs on {patient.folder.path}", "start it with `aitrader up`")
    late = [part.name for part in patient.stack.components if part.status != ComponentStatus.READY]
    if late or not patient.stack.is_ready:
        told = ", ".join(late) or "the stack"
        return failed(f"not ready: {told}", "wait a moment; if it stays so, read `aitrader logs` of that component")
    restarts = sum(part.restarts for part in patient.stack.components)
    return ok(f"pid {patient.stack.pid}, {len(patient.stack.components)} components, {restarts} restarts")


def _postgres(patient: _Patient) -> Finding:
    if patient.settings.database_url is None:
        return _no_address(patient, "DATABASE_URL")
    engine = sync_engine(patient.settings.database)
    started = time.perf_counter()
    try:
        with engine.connect() as connection:
            revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        return failed(f"it does not answer: {reason}", "check DATABASE_URL, or read `aitrader logs postgres`")
    finally:
        engine.dispose()
    if revision != SCHEMA_REVISION:
        return failed(f"the schema is at {revision}, this version needs {SCHEMA_REVISION}", "run `aitrader migrate`")
    return ok(f"schema {revision}, {_ms_since(started)} ms")


def _redis(patient: _Patient) -> Finding:
    if patient.settings.redis_url is None:
        return _no_address(patient, "REDIS_URL")
    client = sync_redis(patient.settings.redis)
    started = time.perf_counter()
    try:
        client.ping()
    except RedisError as error:
        return failed(f"it does not answer: {error}", "check REDIS_URL, or read `aitrader logs valkey`")
    finally:
        client.close()
    return ok(f"{_ms_since(started)} ms")


def _no_address(patient: _Patient, name: str) -> Finding:
    if patient.is_elsewhere:
        return skipped(f"{name} is not set; the server's own view is below")
    return failed("no address is known", f"set {name}, or start the stack with `aitrader up`")


def _api(patient: _Patient) -> Finding:
    if patient.health is None:
        return failed(patient.why_no_url, "start the stack with `aitrader up`, or set AITRADER_URL")
    down = [part for part in patient.health.parts if part.name in {"api", "db", "redis"} and part.status != "ok"]
    if down:
        told = "; ".join(f"{part.name}: {part.told or part.status}" for part in down)
        return failed(told, "check AITRADER_URL, or read `aitrader logs api`")
    return ok(f"{patient.url} accepts jobs")


def _part(name: str, advice: str) -> Callable[[_Patient], Finding]:
    """Return a check of what the API tells of one part."""

    def look(patient: _Patient) -> Finding:
        part = None if patient.health is None else patient.health.part(name)
        if part is None:
            return skipped("the API does not answer, which would tell of it")
        if part.status == "ok":
            return ok(part.told or "ok")
        if part.status == "unknown":
            return skipped(part.detail or "not known")
        return failed(part.told or part.status, advice)

    return look


def _disk(patient: _Patient) -> Finding:
    if patient.is_elsewhere:
        return skipped(f"the server is {patient.url}, not the local stack")
    place = next(path for path in (patient.folder.path, *patient.folder.path.parents) if path.exists())
    free = shutil.disk_usage(place).free
    told = f"{free / 1e9:.1f} GB free at {place}"
    return ok(told) if free >= LEAST_FREE_BYTES else failed(told, "make room: below 1 GB results may not be kept")


def _probe(patient: _Patient) -> Finding:
    if patient.health is None or not patient.health.part("workers"):
        return skipped("the API does not answer")
    started = time.perf_counter()
    try:
        with Client() as client:
            job = client.submit("probe", {})
            job.wait(PROBE_TIMEOUT_S)
            return ok(f"job {job.id} went through in {_ms_since(started)} ms")
    except AitraderError as error:
        return failed(str(error), "the checks above may tell why; a probe needs an admin's token in AITRADER_TOKEN")


def _checked_settings(look: Callable[[_Patient], Finding]) -> Callable[[_Patient], Finding]:
    """Return the check, with wrong settings as one of its failures."""

    def look_safely(patient: _Patient) -> Finding:
        try:
            return look(patient)
        except ValidationError as error:
            wrong = "; ".join(f"{at['loc'][0]}: {at['msg']}" for at in error.errors(include_input=False))
            return failed(f"a setting in the environment is wrong: {wrong}", "correct that variable")

    return look_safely


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


CHECKS: dict[str, Callable[[_Patient], Finding]] = {
    "data folder": _data_dir,
    "stack": _stack,
    "postgres": _checked_settings(_postgres),
    "redis": _checked_settings(_redis),
    "api": _api,
    "workers": _part("workers", "start one with `python -m workers`, or read `aitrader logs worker`"),
    "relay": _part("relay", "start one with `python -m workers.relay`, or read `aitrader logs relay`"),
    "flower": _part("flower", "read `aitrader logs flower`"),
    "disk space": _disk,
    "probe job": _probe,
}
