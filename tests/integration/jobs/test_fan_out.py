"""Jobs that fan out: parents, children and the merge step, on real workers."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from tests.platform import Platform, finished, submit
from tests.waiting import eventually

Job = dict[str, Any]


def children_of(client: httpx.Client, job_id: str) -> list[Job]:
    answer = client.get(f"/jobs/{job_id}/children")
    assert answer.status_code == 200, answer.text
    jobs: list[Job] = answer.json()["jobs"]
    return jobs


def state_of(client: httpx.Client, job_id: str) -> str:
    return str(client.get(f"/jobs/{job_id}").json()["state"])


def until(client: httpx.Client, job_id: str, *states: str) -> None:
    eventually(lambda: state_of(client, job_id) in states, timeout_s=40, what=f"{job_id} {states}")


def states(jobs: Sequence[Job]) -> list[str]:
    return [job["state"] for job in jobs]


def test_children_run_and_are_merged(platform: Platform, admin: httpx.Client) -> None:
    job = finished(admin, submit(admin, "probe", {"children": 5}, priority=3, max_attempts=7)["id"])
    children = children_of(admin, job["id"])
    outcomes = [a["outcome"] for a in admin.get(f"/jobs/{job['id']}/attempts").json()["attempts"]]
    assert (job["state"], job["attempt"], job["progress"]) == ("succeeded", 1, 1.0)
    assert (job["result"]["succeeded_children"], job["result"]["failed_children"]) == (5, [])
    assert outcomes == ["fanned_out", "succeeded"]
    assert [child["child_index"] for child in children] == [0, 1, 2, 3, 4]
    assert {(child["parent_id"], child["priority"], child["max_attempts"]) for child in children} == {(job["id"], 3, 7)}
    assert states(children) == ["succeeded"] * 5
    effects = platform.rows(
        "SELECT count(*) AS n, count(DISTINCT job_id) AS jobs FROM probe_effects e JOIN jobs j ON j.id = e.job_id "
        "WHERE j.id = %s OR j.parent_id = %s",
        job["id"],
        job["id"],
    )
    assert effects == [{"n": 6, "jobs": 6}]


def test_children_have_children_and_theirs_have_none(admin: httpx.Client) -> None:
    branch = {"children": [{"sleep_s": 0.01}, {}]}
    job = finished(admin, submit(admin, "probe", {"children": [branch, branch, {}]})["id"])
    assert (job["state"], job["result"]["succeeded_children"]) == ("succeeded", 3)
    children = children_of(admin, job["id"])
    assert [len(children_of(admin, child["id"])) for child in children] == [2, 2, 0]
    refused = admin.post(
        "/jobs", json={"job_type": "probe", "payload": {"children": [{"children": [{"children": 1}]}]}}
    )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["path"].startswith("payload.children")


def test_attempts_before_a_fan_out_count_and_it_does_not(admin: httpx.Client) -> None:
    asked = {"fail_attempts": 1, "children": 2, "merge_fail_attempts": 2}
    job = finished(admin, submit(admin, "probe", asked, max_attempts=4)["id"], timeout_s=60)
    outcomes = [(a["attempt"], a["outcome"]) for a in admin.get(f"/jobs/{job['id']}/attempts").json()["attempts"]]
    assert job["state"] == "succeeded"
    # The fan-out gave attempt 2 back; the merge step took it again, failed with it, and succeeded with the third.
    assert outcomes == [(1, "failed"), (2, "fanned_out"), (2, "failed"), (3, "succeeded")]
    assert len(children_of(admin, job["id"])) == 2


def test_failed_child_fails_its_parent_at_once_and_cancels_the_others(platform: Platform, admin: httpx.Client) -> None:
    children = [{"fail_attempts": 1, "fail_with": "invalid"}, {"sleep_s": 60}, {"sleep_s": 60}, {"children": 3}]
    job = finished(admin, submit(admin, "probe", {"children": children})["id"])
    bad = children_of(admin, job["id"])[0]
    assert (job["state"], job["error"]["code"]) == ("failed", "child_failed")
    expected = f"child 0 (probe {bad['id']}) failed: the probe was told to be invalid (probe_invalid)"
    assert job["error"]["message"] == expected
    eventually(lambda: all(c["finished_at"] for c in children_of(admin, job["id"])), what="the end of the others")
    assert states(children_of(admin, job["id"])[1:3]) == ["cancelled", "cancelled"]
    unfinished = platform.rows("SELECT id FROM jobs WHERE user_id = %s AND finished_at IS NULL", job["user_id"])
    assert unfinished == []


def test_degraded_parent_says_which_children_failed(admin: httpx.Client) -> None:
    children = [{}, {"fail_attempts": 1, "fail_with": "invalid"}, {}]
    job = finished(admin, submit(admin, "probe", {"children": children, "on_child_failure": "degrade"})["id"])
    assert (job["state"], job["result"]["succeeded_children"]) == ("succeeded", 2)
    assert [(c["index"], c["state"], c["code"]) for c in job["result"]["failed_children"]] == [
        (1, "failed", "probe_invalid")
    ]


@pytest.mark.parametrize("policy", ["fail", "degrade"])
def test_cancelled_child_is_a_child_that_failed(admin: httpx.Client, policy: str) -> None:
    job = submit(admin, "probe", {"children": [{"sleep_s": 60, "steps": 100}], "on_child_failure": policy})
    until(admin, job["id"], "waiting")
    (child,) = children_of(admin, job["id"])
    admin.post(f"/jobs/{child['id']}/cancel")
    ended = finished(admin, job["id"])
    if policy == "fail":
        assert ended["error"]["message"] == f"child 0 (probe {child['id']}) was cancelled"
    else:
        assert ended["result"]["failed_children"][0]["state"] == "cancelled"


def test_cancelling_a_parent_cancels_all_below_it(platform: Platform, admin: httpx.Client) -> None:
    branch = {"children": [{"sleep_s": 60, "steps": 100}, {"sleep_s": 60}, {"sleep_s": 60}]}
    job = submit(admin, "probe", {"children": [branch, {"sleep_s": 60, "steps": 100}]})
    until(admin, job["id"], "waiting")
    eventually(lambda: "waiting" in states(children_of(admin, job["id"])), what="the branch fans out")
    answer = admin.post(f"/jobs/{job['id']}/cancel").json()
    assert answer["state"] == "cancelled"

    def below() -> list[dict[str, Any]]:
        return platform.rows("SELECT state, depth FROM jobs WHERE user_id = %s", job["user_id"])

    eventually(lambda: {row["state"] for row in below()} == {"cancelled"}, what="the end of all")
    assert sorted(row["depth"] for row in below()) == [0, 1, 1, 2, 2, 2]


def test_retry_by_hand_starts_anew_with_new_children(platform: Platform, admin: httpx.Client) -> None:
    children = [{"fail_attempts": 1, "fail_with": "invalid"}, {}]
    job = finished(admin, submit(admin, "probe", {"children": children})["id"])
    assert job["error"]["code"] == "child_failed"
    old = children_of(admin, job["id"])
    refused = admin.post(f"/jobs/{old[0]['id']}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert job["id"] in refused.json()["detail"]
    assert admin.post(f"/jobs/{job['id']}/retry").json()["state"] == "queued"
    again = finished(admin, job["id"])
    new = children_of(admin, job["id"])
    assert again["error"]["code"] == "child_failed"
    assert new[0]["id"] in again["error"]["message"]
    assert {child["id"] for child in old}.isdisjoint(child["id"] for child in new)
    assert platform.rows("SELECT count(*) AS n FROM jobs WHERE parent_id = %s", job["id"]) == [{"n": 4}]


def test_progress_is_the_share_of_ended_children(admin: httpx.Client) -> None:
    job = submit(admin, "probe", {"children": [{"sleep_s": 0.7 * (i // 2)} for i in range(8)]})
    seen: set[float] = set()

    def watch() -> bool:
        now = admin.get(f"/jobs/{job['id']}").json()
        if now["state"] == "waiting":
            seen.add(now["progress"])
        return bool(now["finished_at"])

    eventually(watch, timeout_s=40, what="the end")
    assert {fraction * 8 for fraction in seen} <= set(range(9))
    assert len(seen) >= 2


def test_others_see_neither_parent_nor_children(platform: Platform, admin: httpx.Client) -> None:
    job = finished(admin, submit(admin, "probe", {"children": 1})["id"])
    with platform.client("admin") as other:
        assert other.get(f"/jobs/{job['id']}/children").status_code == 404
        assert other.get(f"/jobs/{job['id']}/children", params={"all": "true"}).json()["jobs"] != []


SYMBOLS = ["AAPL", "NOPE", "GOOG", "IBM", "MSFT", "FB", "AAPL", "NADA"]


@pytest.mark.parametrize("parallel", [2, 3, 64])
def test_split_scan_is_the_unsplit_one_to_the_byte(platform: Platform, user: httpx.Client, parallel: int) -> None:
    asked = {"symbols": SYMBOLS, "end": "2013-02-28", "last_bars": 40}
    whole = finished(user, submit(user, "pattern_scan", asked)["id"])
    split = finished(user, submit(user, "pattern_scan", {**asked, "parallel": parallel})["id"])
    assert (whole["state"], split["state"]) == ("succeeded", "succeeded"), (whole["error"], split["error"])
    texts = platform.rows(
        "SELECT result::text AS text FROM jobs WHERE id = ANY(%s::uuid[])", [whole["id"], split["id"]]
    )
    assert texts[0] == texts[1]
    assert len(children_of(user, split["id"])) == min(parallel, 7)
    assert len(whole["result"]["matches"]) > 20


def test_children_keep_to_their_users_cap(platform: Platform, user: httpx.Client) -> None:
    asked = {"symbols": ["AAPL", "GOOG", "IBM", "MSFT"], "parallel": 4}
    job = finished(user, submit(user, "pattern_scan", asked)["id"])
    lanes = platform.rows("SELECT queue, max_running, running FROM job_lanes WHERE user_id = %s", job["user_id"])
    assert lanes == [{"queue": "pattern_scan", "max_running": 2, "running": 0}]
