"""Schedules through the API: made, read, changed and run, by their owner alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.api.test_jobs import SCAN
from tests.platform import Platform, finished
from tests.waiting import eventually

WANTED = {"job_type": "pattern_scan", "payload": SCAN, "cron": "30 16 * * 1-5", "time_zone": "America/New_York"}


def made(client: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = client.post("/schedules", json={"name": uuid4().hex, **WANTED, **changes})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/schedules/{answer.json()['id']}"
    schedule: dict[str, Any] = answer.json()
    return schedule


def test_a_schedule_tells_its_next_run_in_words_and_in_time(idle_user: httpx.Client) -> None:
    schedule = made(idle_user)
    assert schedule["description"] == "At 16:30 on Monday through Friday (America/New_York)"
    assert schedule["payload"]["schema_version"] == 1
    upcoming = idle_user.get(f"/schedules/{schedule['id']}/next", params={"count": 3}).json()["fires_at"]
    assert upcoming[0] == schedule["next_fire_at"]
    assert len(upcoming) == 3
    assert datetime.fromisoformat(upcoming[0]) > datetime.now(UTC)
    assert idle_user.get(f"/schedules/{schedule['id']}").json() == schedule
    assert idle_user.get("/schedules").json() == {"schedules": [schedule], "next_cursor": None}


def test_a_list_goes_on_where_it_left_off(idle_user: httpx.Client) -> None:
    ids = [made(idle_user)["id"] for _ in range(5)]
    seen, cursor = [], None
    for _ in range(3):
        page = idle_user.get("/schedules", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [schedule["id"] for schedule in page["schedules"]]
        cursor = page["next_cursor"]
    assert seen == ids[::-1]
    assert cursor is None


def test_a_name_is_taken_once_a_user(idle_platform: Platform, idle_user: httpx.Client) -> None:
    made(idle_user, name="nightly")
    other = made(idle_user, name="daily")
    assert idle_user.post("/schedules", json={"name": "nightly", **WANTED}).status_code == 409
    assert idle_user.patch(f"/schedules/{other['id']}", json={"name": "nightly"}).json()["code"] == "conflict"
    with idle_platform.client() as somebody:
        made(somebody, name="nightly")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": "* * * *"}, "cron"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"payload": {"symbols": []}}, "payload.symbols"),
        ({"job_type": "nonsense"}, "job_type"),
        ({"options": {"priority": 10}}, "options.priority"),
        ({"options": {"run_at": "2030-01-01T00:00:00Z"}}, "options"),
        ({"catch_up": "maybe"}, "catch_up"),
        ({"ends_at": "soon"}, "ends_at"),
        ({"surprise": True}, "surprise"),
    ],
)
def test_what_is_wrong_is_said_and_leaves_nothing_behind(
    idle_user: httpx.Client, changes: dict[str, Any], path: str
) -> None:
    answer = idle_user.post("/schedules", json={"name": "n", **WANTED, **changes})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == path
    assert idle_user.get("/schedules").json()["schedules"] == []
    schedule = made(idle_user)
    assert idle_user.patch(f"/schedules/{schedule['id']}", json=changes).status_code == 422
    assert idle_user.get(f"/schedules/{schedule['id']}").json() == schedule


def test_a_type_that_the_role_may_not_run_is_forbidden(idle_user: httpx.Client) -> None:
    answer = idle_user.post("/schedules", json={"name": "n", **WANTED, "job_type": "probe", "payload": {}})
    assert answer.status_code == 403


def test_changes_keep_the_rest_and_count_the_next_run_anew(idle_user: httpx.Client) -> None:
    schedule = made(idle_user, starts_at=(datetime.now(UTC) + timedelta(days=9)).isoformat())
    path = f"/schedules/{schedule['id']}"
    renamed = idle_user.patch(path, json={"name": "other"}).json()
    assert (renamed["name"], renamed["next_fire_at"]) == ("other", schedule["next_fire_at"])
    sooner = idle_user.patch(path, json={"starts_at": None, "cron": "*/5 * * * *"}).json()
    assert sooner["starts_at"] is None
    assert sooner["next_fire_at"] < schedule["next_fire_at"]
    over = idle_user.patch(path, json={"ends_at": "2026-01-01T00:00:00Z"}).json()
    assert over["next_fire_at"] is None
    assert idle_user.patch(path, json={"name": None}).status_code == 422


def test_pause_and_resume_can_be_said_twice(idle_user: httpx.Client) -> None:
    path = f"/schedules/{made(idle_user)['id']}"
    for _ in range(2):
        assert idle_user.post(f"{path}/pause").json()["is_paused"] is True
    for _ in range(2):
        assert idle_user.post(f"{path}/resume").json()["is_paused"] is False


def test_who_lost_the_role_can_still_pause(idle_platform: Platform) -> None:
    with idle_platform.client("admin", user="demoted") as client:
        schedule = made(client, job_type="probe", payload={})
        idle_platform.rows("UPDATE users SET role = 'free' WHERE name = 'demoted'")
        path = f"/schedules/{schedule['id']}"
        assert client.post(f"{path}/pause").json()["is_paused"] is True
        assert client.post(f"{path}/run").status_code == 403
        assert client.patch(path, json={"payload": {"steps": 2}}).status_code == 403


def test_a_schedule_of_somebody_else_is_not_there(idle_platform: Platform, idle_user: httpx.Client) -> None:
    schedule = made(idle_user)
    path = f"/schedules/{schedule['id']}"
    with idle_platform.client() as other, idle_platform.client("admin") as admin:
        asked = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/next")]
        for method, more in [*asked, ("POST", "/pause"), ("POST", "/resume"), ("POST", "/run")]:
            body = {"json": {"name": "mine"}} if method == "PATCH" else {}
            assert other.request(method, path + more, **body).status_code == 404
            assert admin.request(method, path + more, **body).status_code == 404
        assert other.get("/schedules", params={"all": "true"}).status_code == 403
        assert admin.post(f"{path}/pause", params={"all": "true"}).json()["is_paused"] is True
        run = admin.post(f"{path}/run", params={"all": "true"}).json()
        assert run["user_id"] == schedule["user_id"]
        assert admin.delete(path, params={"all": "true"}).status_code == 204
    assert idle_user.get(path).status_code == 404


def test_a_user_has_so_many_schedules_at_most(platform: Platform) -> None:
    with platform.client(user="collector") as client:
        schedule = made(client)
        platform.rows(
            "INSERT INTO job_schedules (id, user_id, name, job_type, payload, options, cron, time_zone, catch_up)"
            " SELECT gen_random_uuid(), user_id, 'n' || i, job_type, payload, options, cron, time_zone, catch_up"
            " FROM job_schedules, generate_series(1, 199) i WHERE id = %s",
            schedule["id"],
        )
        answer = client.post("/schedules", json={"name": "one more", **WANTED})
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_a_run_by_hand_is_a_job_that_names_its_schedule(user: httpx.Client) -> None:
    schedule = made(user, is_paused=True, options={"priority": 1})
    answer = user.post(f"/schedules/{schedule['id']}/run")
    assert answer.status_code == 202
    job = finished(user, answer.json()["id"])
    assert (job["state"], job["schedule_id"], job["priority"]) == ("succeeded", schedule["id"], 1)
    assert user.get("/jobs", params={"schedule": schedule["id"]}).json()["jobs"][0]["id"] == job["id"]
    assert user.get("/jobs", params={"schedule": str(uuid4())}).json()["jobs"] == []
    told = user.get(f"/schedules/{schedule['id']}").json()
    assert (told["last_job_id"], told["next_fire_at"]) == (job["id"], schedule["next_fire_at"])


def test_a_schedule_runs_when_its_time_has_come(platform: Platform, user: httpx.Client) -> None:
    schedule = made(user, cron="* * * * *")
    platform.rows("UPDATE job_schedules SET next_fire_at = date_trunc('minute', now()) WHERE id = %s", schedule["id"])

    def started() -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = user.get("/jobs", params={"schedule": schedule["id"]}).json()["jobs"]
        return jobs

    first = eventually(started, what="the first run")[-1]
    assert finished(user, first["id"])["state"] == "succeeded"
    told = user.get(f"/schedules/{schedule['id']}").json()
    assert told["last_fire_at"] >= first["fire_at"]
    assert told["next_fire_at"] > told["last_fire_at"]
    assert user.delete(f"/schedules/{schedule['id']}").status_code == 204
    assert user.get(f"/jobs/{first['id']}").json()["schedule_id"] == schedule["id"]
