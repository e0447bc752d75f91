"""Updates: all of one's own, in order, none of another's, and none lost without a word."""

from typing import Any

import httpx
import pytest
import redis

from tests.integration.api.test_jobs import SCAN
from tests.integration.websocket.talk import Talk, drop_event_connections, place, talk
from tests.platform import Platform, finished, submit


def until(conversation: Talk, job_id: str, state: str) -> list[dict[str, Any]]:
    """Return all messages up to the one that says that the job is in that state."""
    heard = [conversation.hear()]
    while (heard[-1]["data"].get("id"), heard[-1]["data"].get("state")) != (job_id, state):
        heard.append(conversation.hear())
    return heard


def are_consecutive(after: str, updates: list[dict[str, Any]]) -> bool:
    epoch, number = place(after)
    expected = [(epoch, number + i) for i in range(1, len(updates) + 1)]
    return [place(update["cursor"]) for update in updates] == expected


def test_updates_follow_the_snapshot_with_rising_cursors(admin: httpx.Client) -> None:
    with talk(admin) as conversation:
        answer, snapshot = conversation.subscribe()
        job_id = submit(admin, "probe", {"sleep_s": 0.6, "steps": 2})["id"]
        updates = until(conversation, job_id, "succeeded")
    assert snapshot["cursor"] == answer["cursor"]
    assert {update["type"] for update in updates} == {"update"}
    assert are_consecutive(snapshot["cursor"], updates)
    states = [update["data"]["state"] for update in updates]
    assert (states[0], states[-1]) == ("queued", "succeeded")
    versions = [update["data"]["version"] for update in updates]
    assert versions == list(range(1, len(versions) + 1))


def test_resume_after_a_disconnect_is_free_of_gaps(admin: httpx.Client) -> None:
    with talk(admin) as conversation:
        _, snapshot = conversation.subscribe()
        first = submit(admin, "probe", {})["id"]
        seen = until(conversation, first, "succeeded")
    jobs = [submit(admin, "probe", {})["id"] for _ in range(3)]
    for job_id in jobs:
        finished(admin, job_id)
    with talk(admin) as conversation:
        answer = conversation.ask(id=2, op="subscribe", ch="job_updates", cursor=seen[-1]["cursor"])
        last = submit(admin, "probe", {})["id"]
        seen += until(conversation, last, "succeeded")
    assert (answer["ok"], answer["recovered"]) == (True, True)
    assert are_consecutive(snapshot["cursor"], seen)
    told = {(update["data"]["id"], update["data"]["version"]) for update in seen}
    assert told >= {(job_id, version) for job_id in (first, *jobs, last) for version in (1, 2, 3)}


def test_resume_at_the_newest_place_sends_nothing_old(idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        answer, _ = conversation.subscribe()
        resumed = conversation.ask(op="subscribe", ch="job_updates", cursor=answer["cursor"])
        job = submit(idle_user, "pattern_scan", SCAN)
        assert conversation.hear()["data"]["id"] == job["id"]
    assert resumed["recovered"] is True


@pytest.mark.parametrize("cursor", ["0123456789ab:1", "{epoch}:99", "{epoch}:" + "9" * 17, "a:0"])
def test_resume_from_elsewhere_gets_a_snapshot(idle_user: httpx.Client, cursor: str) -> None:
    job = submit(idle_user, "pattern_scan", SCAN)
    with talk(idle_user) as conversation:
        answer, _ = conversation.subscribe()
        asked = cursor.format(epoch=place(answer["cursor"])[0])
        resumed, snapshot = conversation.subscribe(cursor=asked)
    assert (resumed["ok"], resumed["recovered"]) == (True, False)
    assert [found["id"] for found in snapshot["data"]["jobs"]] == [job["id"]]
    assert resumed["cursor"] == snapshot["cursor"] != asked


def test_resume_from_what_the_history_has_not_gets_a_snapshot(idle_platform: Platform, idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        answer, _ = conversation.subscribe()
        jobs = [submit(idle_user, "pattern_scan", SCAN) for _ in range(3)]
        until(conversation, jobs[-1]["id"], "queued")
    with redis.Redis.from_url(idle_platform.redis_url) as client:
        client.xtrim(f"aitrader:job_updates:{jobs[0]['user_id']}:history", maxlen=2, approximate=False)
    with talk(idle_user) as conversation:
        resumed, snapshot = conversation.subscribe(cursor=answer["cursor"])
    assert resumed["recovered"] is False
    assert len(snapshot["data"]["jobs"]) == 3


def test_resume_from_further_back_than_fits_at_once_gets_all_in_parts(idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        answer, _ = conversation.subscribe()
    jobs = [submit(idle_user, "pattern_scan", SCAN)["id"] for _ in range(15)]
    with talk(idle_user) as conversation:
        conversation.subscribe()
        last = submit(idle_user, "pattern_scan", SCAN)["id"]
        until(conversation, last, "queued")
        resumed = conversation.ask(id=1, op="subscribe", ch="job_updates", cursor=answer["cursor"])
        updates = until(conversation, last, "queued")
        newest = submit(idle_user, "pattern_scan", SCAN)["id"]
        updates += until(conversation, newest, "queued")
        assert conversation.ask(op="ping", id=9) == {"id": 9, "ok": True}
    assert resumed["recovered"] is True
    assert [update["data"]["id"] for update in updates] == [*jobs, last, newest]
    assert are_consecutive(answer["cursor"], updates)


def test_another_users_cursor_opens_nothing(idle_platform: Platform, idle_user: httpx.Client) -> None:
    with idle_platform.client() as stranger, talk(stranger) as conversation:
        answer, _ = conversation.subscribe()
        submit(stranger, "pattern_scan", SCAN)
        conversation.hear()
    with talk(idle_user) as conversation:
        resumed, snapshot = conversation.subscribe(cursor=answer["cursor"])
    assert resumed["recovered"] is False
    assert snapshot["data"] == {"jobs": []}


def test_clients_of_every_replica_hear_their_own_and_nothing_else(
    user: httpx.Client, platform: Platform, replica: str
) -> None:
    with (
        platform.client() as stranger,
        talk(user) as here,
        talk(user, url=replica) as there,
        talk(stranger, url=replica) as other,
    ):
        cursors = [one.subscribe()[0]["cursor"] for one in (here, there)]
        other.subscribe()
        theirs = submit(stranger, "pattern_scan", SCAN)["id"]
        mine = submit(user, "pattern_scan", SCAN)["id"]
        heard = [until(one, mine, "succeeded") for one in (here, there)]
        overheard = until(other, theirs, "succeeded")
    assert heard[0] == heard[1]
    assert all(are_consecutive(cursor, updates) for cursor, updates in zip(cursors, heard, strict=True))
    assert {update["data"]["id"] for update in heard[0]} == {mine}
    assert {update["data"]["id"] for update in overheard} == {theirs}


def test_cut_connection_to_redis_loses_no_update(idle_platform: Platform, idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        _, snapshot = conversation.subscribe()
        jobs: list[str] = []
        updates: list[dict[str, Any]] = []
        for _ in range(3):
            jobs += [submit(idle_user, "pattern_scan", SCAN)["id"] for _ in range(2)]
            assert drop_event_connections(idle_platform) >= 1
            jobs += [submit(idle_user, "pattern_scan", SCAN)["id"] for _ in range(2)]
            updates += until(conversation, jobs[-1], "queued")
    assert [update["data"]["id"] for update in updates] == jobs
    assert are_consecutive(snapshot["cursor"], updates)


def test_emptied_redis_means_a_snapshot_and_a_new_count(idle_platform: Platform, idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        conversation.subscribe()
        jobs = [submit(idle_user, "pattern_scan", SCAN)["id"]]
        before = conversation.hear()["cursor"]
        with redis.Redis.from_url(idle_platform.redis_url) as client:
            client.flushdb()
        jobs.append(submit(idle_user, "pattern_scan", SCAN)["id"])
        snapshot = conversation.hear()
        jobs.append(submit(idle_user, "pattern_scan", SCAN)["id"])
        update = conversation.hear()
    assert snapshot["type"] == "snapshot"
    assert {job["id"] for job in snapshot["data"]["jobs"]} == set(jobs[:2])
    assert place(snapshot["cursor"])[0] != place(before)[0]
    assert (update["type"], update["data"]["id"]) == ("update", jobs[2])
    assert are_consecutive(snapshot["cursor"], [update])
    with talk(idle_user) as conversation:
        assert conversation.subscribe(cursor=before)[0]["recovered"] is False
        assert conversation.ask(op="subscribe", ch="job_updates", cursor=snapshot["cursor"])["recovered"] is True
