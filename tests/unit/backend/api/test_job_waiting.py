"""Waiting for a job while Redis is away: the database still knows it, so the answer is the job as it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import httpx
from fastapi import FastAPI

from backend.api import jobs
from backend.api.deps import Listener, app_state, current_user
from backend.api.errors import install_error_handlers
from backend.core.errors import Unavailable
from backend.core.events import Topic
from backend.core.ids import new_id
from backend.core.jobs.job import JobView
from backend.core.jobs.lifecycle import JobState
from backend.core.user import User

USER = User(new_id(), "ann", "free")
NOW = datetime(2024, 1, 1, tzinfo=UTC)
QUEUED = JobView(
    id=new_id(),
    job_type="probe",
    user_id=USER.id,
    state=JobState.QUEUED,
    priority=5,
    attempt=0,
    max_attempts=3,
    progress=0.0,
    stage=None,
    error=None,
    created_at=NOW,
    run_at=NOW,
    started_at=None,
    finished_at=None,
    cancel_requested_at=None,
    version=1,
    payload={},
    result=None,
)
RUNNING = QUEUED.model_copy(update={"state": JobState.RUNNING, "version": 2})


class ToldJobs:
    """Tells of one job: as `versions` have it, one a question, the last of them ever after."""

    def __init__(self, *versions: JobView) -> None:
        self._versions = list(versions)

    async def get(self, _user: User, _job_id: UUID, *, every: bool) -> JobView:
        assert not every
        return self._versions.pop(0) if len(self._versions) > 1 else self._versions[0]


@asynccontextmanager
async def listen_in_vain(topic: Topic) -> AsyncIterator[Listener]:
    raise Unavailable(f"nobody tells of {topic}")
    yield  # what makes it a generator


def answer_without_redis(*versions: JobView, headers: dict[str, str] | None = None) -> httpx.Response:
    app = FastAPI()
    app.include_router(jobs.router)
    install_error_handlers(app)
    state = SimpleNamespace(jobs=ToldJobs(*versions), listen=listen_in_vain)
    app.dependency_overrides |= {app_state: lambda: state, current_user: lambda: USER}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.get(f"/jobs/{QUEUED.id}", params={"wait": 20}, headers=headers)

    return asyncio.run(ask())


def test_wait_without_redis_answers_with_the_job() -> None:
    answer = answer_without_redis(QUEUED)
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    assert answer.headers["ETag"] == QUEUED.etag


def test_wait_without_redis_answers_with_what_changed_meanwhile() -> None:
    answer = answer_without_redis(QUEUED, RUNNING, headers={"If-None-Match": QUEUED.etag})
    assert (answer.status_code, answer.json()["state"]) == (200, "running")
    assert answer.headers["ETag"] == RUNNING.etag


def test_wait_without_redis_on_a_known_version_is_not_modified() -> None:
    assert answer_without_redis(QUEUED, headers={"If-None-Match": QUEUED.etag}).status_code == 304
