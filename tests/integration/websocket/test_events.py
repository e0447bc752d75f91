"""`GET /events`: what `/ws` pushes, as server-sent events, on the same cursors."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
import redis

from backend.core.db.sessions import sync_engine
from backend.core.event_log import Announcement, publish
from backend.core.events import Event, Kind, Topic
from backend.services.accounts import revoke_token
from backend.settings.connections import normal_database_url
from tests.integration.api.test_jobs import SCAN
from tests.integration.websocket.talk import listeners, narrow_socket, place, talk
from tests.platform import Platform, finished, free_port, submit
from tests.waiting import eventually


@dataclass
class Heard:
    event: str
    id: str
    data: dict[str, Any]


@dataclass
class Stream:
    response: httpx.Response
    lines: Iterator[str] = field(init=False)
    comments: int = 0

    def __post_init__(self) -> None:
        self.lines = self.response.iter_lines()

    def hear(self) -> Heard:
        """Return the next event, over comments."""
        found: dict[str, str] = {}
        for line in self.lines:
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, _, value = line.partition(": ")
                found[name] = value
            elif "data" in found:
                return Heard(found["event"], found.get("id", ""), json.loads(found["data"]))
        raise EOFError(f"the stream has ended; last heard: {found}")


@contextmanager
def listening(client: httpx.Client, query: str = "", *, url: str = "", after: str | None = None) -> Iterator[Stream]:
    headers = {} if after is None else {"Last-Event-ID": after}
    with client.stream("GET", f"{url}/events{query}", headers=headers) as response:
        assert response.status_code == 200, response.read()
        yield Stream(response)


def test_a_snapshot_comes_first_then_every_change(platform: Platform, user: httpx.Client) -> None:
    with listening(user) as stream:
        assert stream.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert stream.response.headers["Cache-Control"] == "no-store"
        assert stream.response.headers["X-Accel-Buffering"] == "no"
        first = stream.hear()
        assert (first.event, first.data["data"], first.data["is_complete"]) == ("snapshot", {"jobs": []}, True)
        assert first.id == first.data["cursor"]
        job = submit(user, "pattern_scan", SCAN)
        heard = [stream.hear()]
        while heard[-1].data["data"]["state"] != "succeeded":
            heard.append(stream.hear())
    assert {one.event for one in heard} == {"update"}
    assert {one.data["data"]["id"] for one in heard} == {job["id"]}
    assert all(one.id == one.data["cursor"] for one in heard)
    numbers = [place(one.id)[1] for one in heard]
    assert numbers == list(range(place(first.id)[1] + 1, place(first.id)[1] + 1 + len(heard)))


def test_who_comes_back_hears_what_was_missed_on_either_transport(platform: Platform, user: httpx.Client) -> None:
    with listening(user) as stream:
        last = stream.hear().id
    job = submit(user, "pattern_scan", SCAN)
    finished(user, job["id"])
    with listening(user, after=last) as by_header, listening(user, f"?last_event_id={last}") as by_query:
        missed = [by_header.hear()]
        while missed[-1].data["data"]["state"] != "succeeded":
            missed.append(by_header.hear())
        assert [by_query.hear() for _ in missed] == missed
    assert place(missed[0].id)[1] == place(last)[1] + 1
    with talk(user) as conversation:
        answer = conversation.ask(id=1, op="subscribe", ch="job_updates", cursor=last)
        assert answer["recovered"] is True
        assert conversation.hear()["cursor"] == missed[0].id
    with talk(user) as conversation:
        _, snapshot = conversation.subscribe()
    with listening(user, after=snapshot["cursor"]) as stream:
        another = submit(user, "pattern_scan", SCAN)
        assert stream.hear().data["data"]["id"] == another["id"]


def test_several_channels_have_one_id_and_come_back_together(idle_platform: Platform, idle_user: httpx.Client) -> None:
    query = "?channels=job_updates,trading_signals"
    user_id = UUID(submit(idle_user, "pattern_scan", SCAN)["user_id"])
    with listening(idle_user, query) as stream:
        snapshots = [stream.hear(), stream.hear()]
        assert [one.data["ch"] for one in snapshots] == ["job_updates", "trading_signals"]
        last = snapshots[1].id
        assert last == f"job_updates={snapshots[0].data['cursor']},trading_signals={snapshots[1].data['cursor']}"
    with redis.Redis.from_url(idle_platform.redis_url) as bus:
        for channel in ("job_updates", "trading_signals"):
            publish(bus, Announcement([Event((Topic(channel, user_id),), "k", Kind.STATE, f'{{"of": "{channel}"}}')]))
    with listening(idle_user, query, after=last) as stream:
        heard = [stream.hear(), stream.hear()]
    assert {one.event for one in heard} == {"update"}
    assert {one.data["data"]["of"] for one in heard} == {"job_updates", "trading_signals"}
    assert heard[1].id != heard[0].id


def test_a_place_that_redis_lost_is_answered_with_a_snapshot(scratch_platform: Platform) -> None:
    platform = scratch_platform
    platform.start_api()
    with platform.client() as client, redis.Redis.from_url(platform.redis_url) as bus:
        with listening(client) as stream:
            last = stream.hear().id
            bus.flushdb()
            job = submit(client, "pattern_scan", SCAN)
            again = stream.hear()  # while it listens: the same stream says how things are now
            while again.event != "snapshot":
                again = stream.hear()
            assert [one["id"] for one in again.data["data"]["jobs"]] == [job["id"]]
            assert place(again.id)[0] != place(last)[0]
        with listening(client, after=last) as stream:
            heard = stream.hear()
            assert heard.event == "snapshot"
            assert [one["id"] for one in heard.data["data"]["jobs"]] == [job["id"]]


def test_an_api_that_was_killed_and_started_again_leaves_no_gap(scratch_platform: Platform) -> None:
    platform = scratch_platform
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    platform.urls.append(url)
    api = platform.start("backend", PORT=port)
    eventually(lambda: is_ready(url), timeout_s=90, what="the API")
    with platform.client() as client:
        with listening(client) as stream:
            stream.hear()
            seen = stream_of(client, stream, 3)
            api.send_signal(signal.SIGKILL)
            api.wait()
            with pytest.raises((httpx.HTTPError, EOFError)):
                stream.hear()
        platform.start("backend", PORT=port)
        eventually(lambda: is_ready(url), timeout_s=90, what="the API again")
        later = [submit(client, "pattern_scan", SCAN)["id"] for _ in range(3)]
        with listening(client, after=seen[-1].id) as stream:
            rest = [stream.hear() for _ in later]
    assert [one.data["data"]["id"] for one in rest] == later
    numbers = [place(one.id)[1] for one in seen + rest]
    assert numbers == list(range(numbers[0], numbers[0] + 6))


def stream_of(client: httpx.Client, stream: Stream, count: int) -> list[Heard]:
    """Return the events of new jobs, one each: nobody works here."""
    ids = [submit(client, "pattern_scan", SCAN)["id"] for _ in range(count)]
    heard = [stream.hear() for _ in ids]
    assert [one.data["data"]["id"] for one in heard] == ids
    return heard


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_listener_that_goes_leaves_nothing_behind(idle_platform: Platform, idle_user: httpx.Client) -> None:
    user_id = submit(idle_user, "pattern_scan", SCAN)["user_id"]
    for _ in range(2 * 3):  # three may be open at once
        with listening(idle_user) as stream:
            stream.hear()
            assert listeners(idle_platform, user_id) == 1
        eventually(lambda: listeners(idle_platform, user_id) == 0, what="the end of listening")


def test_streams_and_sockets_are_counted_together(idle_user: httpx.Client) -> None:
    with listening(idle_user) as one, listening(idle_user) as two, talk(idle_user) as three:
        one.hear(), two.hear(), three.subscribe()
        answer = idle_user.get("/events")
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_connections")
    eventually(lambda: can_listen(idle_user), what="room again")


def can_listen(client: httpx.Client) -> bool:
    with client.stream("GET", "/events") as response:
        return response.status_code == 200


def test_silence_is_filled_with_comments(idle_user: httpx.Client) -> None:
    with listening(idle_user) as stream:
        stream.hear()
        for line in stream.lines:
            if line == ": still here":
                break
        submit(idle_user, "pattern_scan", SCAN)
        assert stream.hear().event == "update"


def test_a_listener_that_does_not_read_is_let_go(idle_platform: Platform, idle_user: httpx.Client) -> None:
    user_id = submit(idle_user, "pattern_scan", SCAN)["user_id"]
    address = urlsplit(idle_platform.url)
    narrow = narrow_socket(idle_platform.url)
    token = idle_user.headers["Authorization"]
    narrow.sendall(f"GET /events HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: {token}\r\n\r\n".encode())
    eventually(lambda: listeners(idle_platform, user_id) == 1, what="the stalled listener")
    large = '{"stage": "' + "x" * 200_000 + '"}'
    with redis.Redis.from_url(idle_platform.redis_url) as bus, listening(idle_user) as other:
        other.hear()
        for number in range(120):
            topic = Topic("job_updates", UUID(user_id))
            publish(bus, Announcement([Event((topic,), f"job-{number}", Kind.STATE, large)]))
            other.hear()
    eventually(lambda: listeners(idle_platform, user_id) == 0, what="the end of the stalled listener")
    narrow.close()


def test_a_revoked_token_ends_the_stream_and_says_so(idle_platform: Platform) -> None:
    token = idle_platform.token(f"user-{uuid4().hex}")
    with httpx.Client(base_url=idle_platform.url, headers={"Authorization": f"Bearer {token}"}) as client:
        with listening(client) as stream:
            stream.hear()
            engine = sync_engine(normal_database_url(idle_platform.database_url))
            revoke_token(engine, token.split("_")[1])
            engine.dispose()
            end = stream.hear()
            assert (end.event, end.data["code"], end.data["name"]) == ("end", 4401, "UNAUTHENTICATED")
            with pytest.raises(EOFError):
                stream.hear()
        assert client.get("/events").status_code == 401


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("?channels=nonsense", {}, 422),
        ("?last_event_id=nonsense", {}, 422),
        ("", {"Last-Event-ID": "41"}, 422),
        ("?channels=job_updates,trading_signals&last_event_id=3f:1", {}, 422),
        ("?all=true", {}, 403),
        ("", {"Authorization": "Bearer ait_0123456789abcdef_wrong"}, 401),
    ],
)
def test_what_cannot_be_listened_to_is_said(
    idle_user: httpx.Client, query: str, headers: dict[str, str], status: int
) -> None:
    answer = idle_user.get(f"/events{query}", headers=headers)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_token_in_the_address_is_none(idle_platform: Platform) -> None:
    token = idle_platform.token("nobody-reads-this")
    assert httpx.get(f"{idle_platform.url}/events", params={"token": token}).status_code == 401


def test_an_admin_may_hear_all(idle_platform: Platform, idle_user: httpx.Client) -> None:
    with idle_platform.client("admin") as admin, listening(admin, "?all=true") as stream:
        stream.hear()
        job = submit(idle_user, "pattern_scan", SCAN)
        heard = stream.hear()
        while heard.data["data"].get("id") != job["id"]:
            heard = stream.hear()
        assert heard.event == "update"
