"""The channel `trading_signals`: every signal to its owner, in order, and none lost without a word."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest
import redis
from sqlalchemy import Engine
from websockets.exceptions import ConnectionClosed

from backend.core.db.sessions import sync_engine
from backend.core.db.signals import unannounced_signals
from backend.core.signals import signal_of
from backend.services.accounts import find_user
from backend.settings import Settings
from tests.integration.signal_rows import add_signal
from tests.integration.websocket.talk import Talk, narrow_socket, place, talk
from tests.platform import Platform
from workers.announce import Herald
from workers.relay import Relay

LARGE_JOB = 1_200
LARGEST_JOB = 2_000
LONG = {"m": "x" * 10_000}
"""Models that make a signal long: many of them fill all buffers between here and there."""
NAMES = iter(f"listener-{i}" for i in range(1_000))


@dataclass
class Desk:
    """What a worker and the relay do about signals, for one new user of the installation."""

    platform: Platform
    engine: Engine
    broker: redis.Redis
    http: httpx.Client
    user_id: UUID

    def give(self, *symbols: str, **changes: object) -> list[str]:
        return [str(add_signal(self.engine, self.user_id, symbol, **changes)) for symbol in symbols]

    def tell(self) -> None:
        """Announce all signals that nobody was told of, as a worker does after its commit."""
        with self.engine.connect() as connection:
            rows = connection.execute(unannounced_signals(-600, 10_000)).mappings().all()
        Herald(self.engine, self.broker).tell_signals([signal_of(row) for row in rows])

    def untold(self) -> int:
        sql = "SELECT count(*) AS n FROM signals WHERE announced_at IS NULL AND user_id = %s"
        return int(self.platform.rows(sql, self.user_id)[0]["n"])


@contextmanager
def open_desk(platform: Platform) -> Iterator[Desk]:
    name = next(NAMES)
    settings = Settings(database_url=platform.database_url, redis_url=platform.redis_url)
    engine = sync_engine(settings.database)
    broker = redis.Redis.from_url(platform.redis_url)
    with platform.client(user=name) as http:
        with engine.begin() as connection:
            user_id = find_user(connection, name).id
        yield Desk(platform, engine, broker, http, user_id)
    broker.close()
    engine.dispose()


@pytest.fixture
def desk(idle_platform: Platform) -> Iterator[Desk]:
    with open_desk(idle_platform) as desk:
        yield desk


def subscribe(conversation: Talk, **more: object) -> tuple[dict[str, object], dict[str, object]]:
    return conversation.ask(id=1, op="subscribe", ch="trading_signals", **more), conversation.hear()


def test_a_new_listener_sees_the_newest_signals_then_each_new_one(desk: Desk) -> None:
    (old,) = desk.give("OLD")
    desk.tell()
    with talk(desk.http) as conversation:
        answer, snapshot = subscribe(conversation)
        new = desk.give("A", "B")
        desk.tell()
        updates = [conversation.hear(), conversation.hear()]
    assert (snapshot["ch"], snapshot["type"], snapshot["is_complete"]) == ("trading_signals", "snapshot", True)
    assert [one["id"] for one in snapshot["data"]["signals"]] == [old]  # type: ignore[index]
    assert [update["data"]["id"] for update in updates] == new
    assert {(update["ch"], update["type"]) for update in updates} == {("trading_signals", "update")}
    epoch, number = place(str(answer["cursor"]))
    assert [place(update["cursor"]) for update in updates] == [(epoch, number + 1), (epoch, number + 2)]
    assert "user_id" not in updates[0]["data"]
    assert desk.untold() == 0


def test_who_comes_back_hears_what_was_missed(desk: Desk) -> None:
    with talk(desk.http) as conversation:
        answer, _ = subscribe(conversation)
    missed = desk.give("A", "B", "C")
    desk.tell()
    with talk(desk.http) as conversation:
        resumed = conversation.ask(id=2, op="subscribe", ch="trading_signals", cursor=answer["cursor"])
        heard = [conversation.hear()["data"]["id"] for _ in missed]
    assert resumed["recovered"] is True
    assert heard == missed


def test_a_history_that_is_lost_is_said_and_a_snapshot_sent(desk: Desk) -> None:
    with talk(desk.http) as conversation:
        answer, _ = subscribe(conversation)
    given = desk.give("A")
    desk.tell()
    for part in ("position", "history"):
        desk.broker.delete(f"aitrader:trading_signals:{desk.user_id}:{part}")
    with talk(desk.http) as conversation:
        resumed, snapshot = subscribe(conversation, cursor=answer["cursor"])
    assert resumed["recovered"] is False
    assert [one["id"] for one in snapshot["data"]["signals"]] == given  # type: ignore[index]


def test_one_hears_ones_own_and_an_admin_who_asks_hears_all(desk: Desk) -> None:
    with desk.platform.client() as stranger, desk.platform.client("admin") as admin:
        with talk(stranger) as theirs, talk(admin) as everyones:
            subscribe(theirs)
            subscribe(everyones, all=True)
            given = desk.give("MINE")
            desk.tell()
            heard = everyones.hear()
            assert theirs.ask(id="still", op="ping") == {"id": "still", "ok": True}
        with talk(stranger) as theirs:
            refused = theirs.ask(id=1, op="subscribe", ch="trading_signals", all=True)
    assert heard["data"]["id"] == given[0]
    assert refused["error"]["code"] == "forbidden"


def test_both_channels_on_one_connection_keep_their_own_count(desk: Desk) -> None:
    with talk(desk.http, "?channels=job_updates,trading_signals") as conversation:
        first = [conversation.hear() for _ in range(4)]
        desk.give("A")
        desk.tell()
        update = conversation.hear()
    assert [message["ch"] for message in first if message.get("type") == "snapshot"] == [
        "job_updates",
        "trading_signals",
    ]
    assert (update["ch"], update["data"]["symbol"]) == ("trading_signals", "A")


def test_the_relay_tells_what_a_crash_swallowed(desk: Desk) -> None:
    settings = Settings(database_url=desk.platform.database_url, redis_url=desk.platform.redis_url)
    relay = Relay(settings, desk.engine)
    with talk(desk.http) as conversation:
        subscribe(conversation)
        given = desk.give("LATE")
        relay.announce_missed_signals()
        assert desk.untold() == 1  # the worker that gave it may still be at it
        desk.platform.rows("UPDATE signals SET created_at = now() - interval '2 s' WHERE id = %s", UUID(given[0]))
        relay.announce_missed_signals()
        heard = conversation.hear()
        relay.announce_missed_signals()
        assert conversation.ask(id="still", op="ping")["id"] == "still"
    assert heard["data"]["id"] == given[0]
    assert desk.untold() == 0


def test_a_redis_that_is_away_leaves_signals_to_the_relay(desk: Desk) -> None:
    given = desk.give("A")
    away = redis.Redis(port=1)
    with desk.engine.connect() as connection:
        rows = connection.execute(unannounced_signals(-600, 10_000)).mappings().all()
    Herald(desk.engine, away).tell_signals([signal_of(row) for row in rows])
    away.close()
    assert desk.untold() == len(given)


def test_all_signals_of_a_large_job_reach_a_client_that_reads(scratch_platform: Platform) -> None:
    scratch_platform.start_api()
    with open_desk(scratch_platform) as desk, talk(desk.http) as conversation:
        subscribe(conversation)
        given = desk.give(*(f"S{i}" for i in range(LARGE_JOB)))
        with ThreadPoolExecutor(1) as worker:
            told = worker.submit(desk.tell)
            heard = [conversation.hear()["data"]["id"] for _ in given]
            told.result()
    assert heard == given


def test_who_missed_the_largest_job_hears_all_of_it_and_what_comes_then(scratch_platform: Platform) -> None:
    scratch_platform.start_api()
    with open_desk(scratch_platform) as desk:
        with talk(desk.http) as conversation:
            answer, _ = subscribe(conversation)
        given = desk.give(*(f"S{i}" for i in range(LARGEST_JOB)))
        desk.tell()
        with talk(desk.http) as conversation:
            resumed = conversation.ask(id=2, op="subscribe", ch="trading_signals", cursor=answer["cursor"])
            heard = [conversation.hear()["data"]["id"] for _ in range(LARGEST_JOB // 2)]
            given += desk.give("MEANWHILE")
            desk.tell()
            heard += [conversation.hear()["data"]["id"] for _ in given[len(heard) :]]
            given += desk.give("AFTER")
            desk.tell()
            heard.append(conversation.hear()["data"]["id"])
    assert resumed["recovered"] is True
    assert heard == given


def test_who_paused_too_long_is_let_go_and_resumes_without_loss(scratch_platform: Platform) -> None:
    scratch_platform.start_api()
    with open_desk(scratch_platform) as desk:
        narrow = narrow_socket(scratch_platform.url)
        heard = []
        with talk(desk.http, sock=narrow, max_queue=1) as conversation:
            cursor = str(subscribe(conversation)[0]["cursor"])
            given = desk.give(*(f"S{i}" for i in range(LARGE_JOB)), models=LONG)
            desk.tell()
            code = None
            while code is None:
                try:
                    update = conversation.hear()
                except ConnectionClosed as closed:
                    code = closed.rcvd.code if closed.rcvd is not None else 0
                else:
                    cursor = update["cursor"]
                    heard.append(update["data"]["id"])
        with talk(desk.http) as conversation:
            resumed = conversation.ask(id=2, op="subscribe", ch="trading_signals", cursor=cursor)
            heard += [conversation.hear()["data"]["id"] for _ in given[len(heard) :]]
    assert code == 4508
    assert resumed["recovered"] is True
    assert heard == given


def test_history_that_runs_out_while_a_client_resumes_means_a_snapshot(scratch_platform: Platform) -> None:
    scratch_platform.start_api()
    with open_desk(scratch_platform) as desk:
        with talk(desk.http) as conversation:
            answer, _ = subscribe(conversation)
        desk.give(*(f"S{i}" for i in range(LARGE_JOB)), models=LONG)
        desk.tell()
        narrow = narrow_socket(scratch_platform.url)
        with talk(desk.http, sock=narrow, max_queue=1, max_size=None) as conversation:
            resumed = conversation.ask(id=2, op="subscribe", ch="trading_signals", cursor=answer["cursor"])
            heard = [conversation.hear()]
            desk.broker.xtrim(f"aitrader:trading_signals:{desk.user_id}:history", maxlen=1, approximate=False)
            while heard[-1]["type"] == "update":
                heard.append(conversation.hear())
            (new,) = desk.give("AFTER")
            desk.tell()
            assert conversation.hear()["data"]["id"] == new
    assert resumed["recovered"] is True
    assert 1 < len(heard) < LARGE_JOB
    assert heard[-1]["type"] == "snapshot"
