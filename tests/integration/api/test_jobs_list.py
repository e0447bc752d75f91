"""The list of jobs: filters, and pages without a gap or a repeat."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.integration.api.test_jobs import SCAN
from tests.integration.test_pipeline import BACKTEST
from tests.platform import Platform, finished, submit


def walk(client: httpx.Client, **params: object) -> Iterator[dict[str, str]]:
    """Follow the Link headers from page to page."""
    answer = client.get("/jobs", params=params)  # type: ignore[arg-type]
    while True:
        yield from answer.json()["jobs"]
        if "next" not in answer.links:
            assert answer.json()["next_cursor"] is None
            return
        link = answer.links["next"]["url"]
        assert parse_qs(urlsplit(link).query)["cursor"] == [answer.json()["next_cursor"]]
        answer = client.get(link)


def test_walk_over_many_jobs_has_no_gap_and_no_repeat(idle_platform: Platform, idle_user: httpx.Client) -> None:
    ids = [submit(idle_user, "pattern_scan", SCAN)["id"] for _ in range(104)]
    owner = idle_user.get(f"/jobs/{ids[0]}").json()["user_id"]
    # Equal times, as a burst of submits could have: the id then decides.
    idle_platform.rows("UPDATE jobs SET created_at = now() WHERE user_id = %s AND id::text < %s", owner, ids[50])
    pages = walk(idle_user, limit=20)
    seen = [next(pages) for _ in range(30)]
    submit(idle_user, "pattern_scan", SCAN)  # a newer job moves nothing
    seen += pages
    assert [job["id"] for job in seen] == [
        job["id"] for job in sorted(seen, key=lambda job: (job["created_at"], job["id"]), reverse=True)
    ]
    assert sorted(job["id"] for job in seen) == sorted(ids)


def test_list_leaves_payloads_and_results_out(user: httpx.Client) -> None:
    job = finished(user, submit(user, "pattern_scan", SCAN)["id"])
    listed = user.get("/jobs").json()["jobs"]
    assert listed == [{name: value for name, value in job.items() if name not in {"payload", "result"}}]


def test_filters_narrow_the_list_and_the_next_page(idle_user: httpx.Client) -> None:
    scans = [submit(idle_user, "pattern_scan", SCAN)["id"] for _ in range(3)]
    backtest = submit(idle_user, "backtest", BACKTEST)["id"]
    idle_user.post(f"/jobs/{scans[0]}/cancel")

    def found(**params: object) -> set[str]:
        return {job["id"] for job in walk(idle_user, limit=1, **params)}

    assert found(job_type="backtest") == {backtest}
    assert found(state="cancelled") == {scans[0]}
    assert found(state=["cancelled", "queued"], job_type="pattern_scan") == set(scans)
    assert found(state="failed") == set()
    second = idle_user.get(f"/jobs/{scans[1]}").json()["created_at"]
    assert found(created_before=second) == set(scans[:2])
    assert found(created_after=second) == {scans[1], scans[2], backtest}


def test_time_without_a_zone_is_utc(idle_user: httpx.Client) -> None:
    submit(idle_user, "pattern_scan", SCAN)
    now = datetime.now(UTC).replace(tzinfo=None)
    for since, count in ((now - timedelta(minutes=5), 1), (now + timedelta(minutes=5), 0)):
        assert len(idle_user.get("/jobs", params={"created_after": since.isoformat()}).json()["jobs"]) == count


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_times_at_the_ends_of_the_calendar_are_only_times(idle_user: httpx.Client, created: str) -> None:
    for name in ("created_before", "created_after"):
        assert idle_user.get("/jobs", params={name: created}).status_code == 200


def as_cursor(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "?",
        "AAAA",
        "x" * 501,
        "bm90IGpzb24=",
        as_cursor([]),
        as_cursor(["2024-01-01"]),
        as_cursor([1, 2]),
        as_cursor(["yesterday", "0" * 32]),
        as_cursor(["2024-01-01T00:00:00", "0" * 31]),
        as_cursor({"a": 1, "b": 2}),
        "é",
        "\0",
    ],
)
def test_bad_cursor_is_refused(idle_user: httpx.Client, cursor: str) -> None:
    answer = idle_user.get("/jobs", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 201},
        {"limit": "many"},
        {"state": "sleeping"},
        {"job_type": "nothing"},
        {"job_type": "backtest\n"},
        {"created_after": "soon"},
        {"all": "perhaps"},
    ],
)
def test_bad_filter_is_refused(idle_user: httpx.Client, params: dict[str, str]) -> None:
    answer = idle_user.get("/jobs", params=params)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] in {f"query.{name}{item}" for name in params for item in ("", ".0")}
