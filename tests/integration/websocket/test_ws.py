"""The door of `/ws` and the words spoken there."""

import json

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.integration.api.test_jobs import SCAN
from tests.integration.websocket.talk import listeners, talk, talk_to
from tests.platform import Platform, submit
from tests.waiting import eventually


def token_of(client: httpx.Client) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")


def test_header_lets_in_without_a_word(idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        assert conversation.ask(id="a", op="ping") == {"id": "a", "ok": True}


def test_first_message_lets_in(idle_platform: Platform, idle_user: httpx.Client) -> None:
    with talk_to(idle_platform.url) as conversation:
        assert conversation.ask(id=7, op="auth", token=token_of(idle_user)) == {"id": 7, "ok": True}
        answer, snapshot = conversation.subscribe()
    assert answer["ok"] is True
    assert snapshot["data"] == {"jobs": []}


def test_silence_at_the_door_is_ended(idle_platform: Platform) -> None:
    with talk_to(idle_platform.url) as conversation:
        assert conversation.hear_end()[0] == 4408


@pytest.mark.parametrize("header", ["Bearer ", "Bearer nonsense", "Bearer ait_0123456789abcdef_wrong"])
def test_bad_token_in_the_header_is_refused(idle_platform: Platform, header: str) -> None:
    with talk_to(idle_platform.url, additional_headers={"Authorization": header}) as conversation:
        code, last = conversation.hear_end()
    assert code == 4401
    assert json.loads(last)["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize(
    "first",
    [
        '{"id": 1, "op": "auth", "token": "ait_0123456789abcdef_wrong"}',
        '{"id": 1, "op": "auth", "token": 5}',
        '{"id": 1, "op": "auth"}',
        '{"id": 1, "op": "subscribe", "ch": "job_updates"}',
        "hello",
        "",
        "[" * 1_000,
        b"\xff\xfe",
    ],
)
def test_first_message_that_is_no_token_is_refused(idle_platform: Platform, first: str | bytes) -> None:
    with talk_to(idle_platform.url) as conversation:
        conversation.socket.send(first)
        code, last = conversation.hear_end()
    assert code == 4401
    assert json.loads(last)["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_foreign_page_may_not_connect(idle_user: httpx.Client, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, talk(idle_user, origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_own_page_may_connect(idle_platform: Platform, idle_user: httpx.Client) -> None:
    with talk(idle_user, origin=idle_platform.url) as conversation:
        assert conversation.ask(op="ping")["ok"] is True


def test_channels_in_the_address_are_subscriptions(idle_user: httpx.Client) -> None:
    job = submit(idle_user, "pattern_scan", SCAN)
    with talk(idle_user, "?channels=job_updates,nonsense") as conversation:
        answer, snapshot, refused = (conversation.hear() for _ in range(3))
        assert conversation.ask(op="ping")["ok"] is True
    assert (answer["ok"], answer["cursor"]) == (True, snapshot["cursor"])
    assert [found["id"] for found in snapshot["data"]["jobs"]] == [job["id"]]
    assert refused["error"]["code"] == "invalid_request"


@pytest.mark.parametrize(
    "message",
    [
        "hello",
        "",
        "[]",
        "null",
        "{}",
        '{"op": "fly"}',
        '{"op": "ping", "id": -1}',
        '{"op": "ping", "id": 1.5}',
        '{"op": "ping", "id": "%s"}' % ("x" * 65),
        '{"op": "ping", "surprise": 1}',
        '{"op": "subscribe"}',
        '{"op": "subscribe", "ch": "job_updates:all"}',
        '{"op": "subscribe", "ch": "prices"}',
        '{"op": "subscribe", "ch": "job_updates", "user_id": "somebody"}',
        '{"op": "subscribe", "ch": "job_updates", "all": 1}',
        '{"op": "unsubscribe", "ch": "job_updates"}',
        '{"op": "auth", "token": "again"}',
        '{"op": "subscribe", "ch": "job_updates", "cursor": "garbage"}',
        '{"op": "subscribe", "ch": "job_updates", "cursor": "abc:-1"}',
        '{"op": "subscribe", "ch": "job_updates", "cursor": "abc:\\u0661"}',
        '{"op": "subscribe", "ch": "job_updates", "cursor": "a\\u0000:1"}',
        '{"op": "subscribe", "ch": "job_updates", "cursor": 5}',
        '{"op": "subscribe", "ch": "job_updates", "cursor": "a:%s"}' % ("9" * 62),
        '{"op": "subscribe", "ch": "job_updates", "cursor": "a:%s"}' % ("9" * 63),
        '{"op": "subscribe", "ch": "\\ud800"}',
        "[" * 1_900,
        b"\xff\xfe\x00",
    ],
)
def test_nonsense_is_answered_and_the_talk_goes_on(idle_user: httpx.Client, message: str | bytes) -> None:
    with talk(idle_user) as conversation:
        conversation.socket.send(message)
        refused = conversation.hear()
        assert conversation.ask(op="ping", id=2) == {"id": 2, "ok": True}
    assert refused["ok"] is False
    assert refused["error"]["code"] == "invalid_request"
    assert refused["error"]["message"]


def test_refusal_carries_the_id_of_the_request(idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        assert conversation.ask(id="x1", op="subscribe", ch="prices")["id"] == "x1"


def test_message_that_is_too_big_ends_the_talk(idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        conversation.socket.send('{"op": "ping", "id": "%s"}' % ("x" * 2_000))
        assert conversation.hear_end()[0] == 1009


def test_too_many_messages_end_the_talk(idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        for number in range(40):
            conversation.say(op="ping", id=number)
        assert conversation.hear_end()[0] == 4429


def test_snapshot_has_exactly_the_users_unfinished_jobs(idle_platform: Platform, idle_user: httpx.Client) -> None:
    jobs = [submit(idle_user, "pattern_scan", SCAN) for _ in range(3)]
    idle_user.post(f"/jobs/{jobs[0]['id']}/cancel")
    with idle_platform.client() as stranger, talk(idle_user) as conversation:
        submit(stranger, "pattern_scan", SCAN)
        _, snapshot = conversation.subscribe()
    assert (snapshot["type"], snapshot["is_complete"]) == ("snapshot", True)
    assert {job["id"] for job in snapshot["data"]["jobs"]} == {job["id"] for job in jobs[1:]}
    first = snapshot["data"]["jobs"][0]
    assert first.keys() == jobs[0].keys() - {"payload", "result", "user_id"}


def test_snapshot_that_leaves_jobs_out_says_so(idle_user: httpx.Client) -> None:
    ids = [submit(idle_user, "pattern_scan", SCAN)["id"] for _ in range(6)]
    with talk(idle_user) as conversation:
        _, snapshot = conversation.subscribe()
    assert snapshot["is_complete"] is False
    assert [job["id"] for job in snapshot["data"]["jobs"]] == ids[:0:-1], "the newest five"


def test_all_is_for_admins_alone(idle_platform: Platform, idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        assert conversation.ask(op="subscribe", ch="job_updates", all=True)["error"]["code"] == "forbidden"
    with idle_platform.client("admin") as admin, talk(admin) as conversation:
        answer, _ = conversation.subscribe(all=True)
        job = submit(idle_user, "pattern_scan", SCAN)
        update = conversation.hear()
    assert answer["ok"] is True
    assert update["data"]["id"] == job["id"]


def test_unsubscribed_client_hears_nothing_more(idle_platform: Platform, idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        conversation.subscribe()
        job = submit(idle_user, "pattern_scan", SCAN)
        assert conversation.hear()["data"]["id"] == job["id"]
        assert conversation.ask(id=2, op="unsubscribe", ch="job_updates") == {"id": 2, "ok": True}
        eventually(lambda: listeners(idle_platform, job["user_id"]) == 0, what="the end of listening")
        other = submit(idle_user, "pattern_scan", SCAN)["id"]
        untold = "SELECT 1 FROM job_outbox WHERE job_id = %s"
        eventually(lambda: not idle_platform.rows(untold, other), what="the announcement")
        assert conversation.ask(op="ping", id=3) == {"id": 3, "ok": True}
        _, snapshot = conversation.subscribe()
    assert len(snapshot["data"]["jobs"]) == 2


def test_second_subscription_takes_the_place_of_the_first(idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        conversation.subscribe()
        conversation.subscribe()
        job = submit(idle_user, "pattern_scan", SCAN)
        assert conversation.hear()["data"]["id"] == job["id"]
        assert conversation.ask(op="ping", id=3) == {"id": 3, "ok": True}


def test_user_has_a_limit_of_open_connections(idle_platform: Platform, idle_user: httpx.Client) -> None:
    with talk(idle_user) as first, talk(idle_user) as second:
        with talk(idle_user) as third:
            assert [one.ask(op="ping")["ok"] for one in (first, second, third)] == [True] * 3
            with talk(idle_user) as one_too_many:
                assert one_too_many.hear_end()[0] == 4430
            with idle_platform.client() as stranger, talk(stranger) as other:
                assert other.ask(op="ping")["ok"] is True

        def gets_in() -> bool:
            with talk(idle_user) as again:
                return again.is_open()

        eventually(gets_in, what="the place of the connection that was closed")


def test_revoked_token_ends_the_talk(idle_platform: Platform, idle_user: httpx.Client) -> None:
    with talk(idle_user) as conversation:
        conversation.subscribe()
        idle_platform.rows("DELETE FROM user_tokens WHERE id = %s", token_of(idle_user).split("_")[1])
        assert conversation.hear_end()[0] == 4401


def test_admin_who_is_none_any_more_hears_no_more_of_others(idle_platform: Platform) -> None:
    with idle_platform.client("admin", user="demoted") as admin, talk(admin) as conversation:
        conversation.subscribe(all=True)
        idle_platform.token("demoted", "free")
        assert conversation.hear_end()[0] == 4401
