"""A user with too many unfinished jobs is asked to wait, and nothing is left of what was refused."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import event

from backend.core.db.sessions import async_engine
from backend.core.errors import TooManyUnfinished
from backend.core.user import User
from backend.services import job_runner
from backend.services.admission import Depth
from backend.services.job_runner import enqueue_job
from backend.settings import JobSettings
from backend.settings.connections import normal_database_url
from tests.integration.api.problems import problem
from tests.integration.api.test_jobs import SCAN
from tests.platform import Platform, submit
from tests.waiting import eventually

BODY = {"job_type": "pattern_scan", "payload": SCAN}


@pytest.fixture(scope="module")
def small(new_platform: Callable[..., Platform]) -> Platform:
    platform = new_platform(JOBS__FREE_MAX_UNFINISHED="5", JOBS__PREMIUM_MAX_UNFINISHED="7")
    platform.start_api()
    return platform


@pytest.fixture
def user(small: Platform) -> Iterator[httpx.Client]:
    with small.client() as client:
        yield client


def test_one_too_many_is_refused_and_leaves_nothing(user: httpx.Client) -> None:
    for _ in range(5):
        submit(user, "pattern_scan", SCAN)
    refused = user.post("/jobs", json=BODY)
    document = problem(refused, 429, "too_many_unfinished")
    assert "5 unfinished" in str(document["detail"])
    assert int(refused.headers["Retry-After"]) > 0
    assert len(user.get("/jobs").json()["jobs"]) == 5


@pytest.mark.parametrize(("role", "room"), [("free", 5), ("premium", 7), ("admin", 12)])
def test_the_room_depends_on_the_role(small: Platform, role: str, room: int) -> None:
    with small.client(role) as client:
        answers = [client.post("/jobs", json=BODY).status_code for _ in range(12)]
    assert answers.count(202) == room


def test_what_ended_makes_room_at_once(user: httpx.Client) -> None:
    jobs = [submit(user, "pattern_scan", SCAN) for _ in range(5)]
    assert user.post("/jobs", json=BODY).status_code == 429
    user.post(f"/jobs/{jobs[0]['id']}/cancel").raise_for_status()
    eventually(lambda: user.post("/jobs", json=BODY).status_code == 202, timeout_s=5, what="room")
    assert user.post("/jobs", json=BODY).status_code == 429


def test_many_at_once_are_not_more_than_one_after_another(small: Platform, user: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: user.post("/jobs", json=BODY).status_code, range(24)))
    assert (answers.count(202), answers.count(429)) == (5, 19)


def test_one_users_jobs_do_not_count_for_another(small: Platform, user: httpx.Client) -> None:
    for _ in range(5):
        submit(user, "pattern_scan", SCAN)
    with small.client() as other:
        assert other.post("/jobs", json=BODY).status_code == 202


def test_a_key_that_has_its_job_is_answered_at_any_depth(user: httpx.Client) -> None:
    first = user.post("/jobs", json=BODY, headers={"Idempotency-Key": "first"}).json()
    for _ in range(4):
        submit(user, "pattern_scan", SCAN)
    again = user.post("/jobs", json=BODY, headers={"Idempotency-Key": "first"})
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    problem(user.post("/jobs", json=BODY, headers={"Idempotency-Key": "second"}), 429)


def test_a_retry_needs_room_too_but_not_for_an_admin_who_helps(small: Platform, user: httpx.Client) -> None:
    jobs = [submit(user, "pattern_scan", SCAN) for _ in range(5)]
    for job in jobs[:2]:
        user.post(f"/jobs/{job['id']}/cancel").raise_for_status()
    for _ in range(2):
        eventually(lambda: user.post("/jobs", json=BODY).status_code == 202, timeout_s=5, what="room")
    problem(user.post(f"/jobs/{jobs[0]['id']}/retry"), 429, "too_many_unfinished")
    bulk = {"filter": {"states": ["cancelled"]}, "confirm": 2}
    problem(user.post("/jobs/bulk/retry", json=bulk), 429, "too_many_unfinished")
    with small.client("admin") as admin:
        assert admin.post(f"/jobs/{jobs[0]['id']}/retry", params={"all": "true"}).json()["state"] == "queued"


def test_code_that_starts_jobs_is_held_to_the_same(small: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    small.token("coder")
    for name, value in small.environment.items():
        monkeypatch.setenv(name, value)
    for _ in range(5):
        enqueue_job(job_type="pattern_scan", user_id="coder", payload=SCAN)
    with pytest.raises(TooManyUnfinished, match="5 unfinished"):
        enqueue_job(job_type="pattern_scan", user_id="coder", payload=SCAN)
    job_runner._engine(normal_database_url(small.database_url)).dispose()


def test_two_replicas_together_stay_near_the_limit(small: Platform) -> None:
    """Each remembers its count for a second: together they overshoot by what they take in it, and no more after."""
    url = small.start_api()
    with small.client(user="everywhere") as one, small.client(user="everywhere", url=url) as other:
        answers = [client.post("/jobs", json=BODY).status_code for _ in range(6) for client in (one, other)]
        assert 5 <= answers.count(202) <= 10
        eventually(
            lambda: {client.post("/jobs", json=BODY).status_code for client in (one, other)} == {429},
            timeout_s=5,
            what="both to know",
        )


def test_a_submit_costs_no_query_while_the_count_is_fresh(small: Platform) -> None:
    engine = async_engine(normal_database_url(small.database_url))
    asked: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    user = User(uuid4(), "nobody", "premium")

    async def admit_many() -> None:
        depth = Depth(engine, JobSettings())
        await asyncio.gather(*(depth.admit(user) for _ in range(500)))
        await engine.dispose()

    asyncio.run(admit_many())
    counts = [statement for statement in asked if "count(" in statement]
    assert 1 <= len(counts) <= 3, "a slow machine may need more than a second, and then counts again"
