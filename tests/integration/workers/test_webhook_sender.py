"""The sender of webhooks, on a real database and against real servers on loopback."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from backend.core.db import webhooks
from backend.core.db.sessions import async_engine, sync_engine
from backend.core.ids import new_id
from backend.core.webhooks import new_secret
from backend.services.accounts import create_token, find_user
from backend.settings import Settings, WebhookSettings
from tests.platform import Platform
from tests.receiver import Receiver, receiving
from tests.waiting import eventually
from workers.webhooks.sender import Sender

CERTIFICATES = Path(__file__).parents[2] / "certificates"


@dataclass
class Bench:
    platform: Platform
    engine: Engine
    database: str

    def hook(self, url: str, **changes: Any) -> UUID:
        name = f"user-{new_id().hex}"
        create_token(self.engine, user_name=name, role="free")
        with self.engine.begin() as connection:
            row = {
                "id": new_id(),
                "user_id": find_user(connection, name).id,
                "url": url,
                "states": ["failed"],
                "secret": new_secret().get_secret_value(),
            } | changes
            connection.execute(webhooks.add_webhook(row, 1_000))
        return row["id"]

    def delivery(self, hook: UUID, **data: Any) -> UUID:
        with self.engine.begin() as connection:
            return connection.execute(webhooks.add_delivery(hook, "webhook.test", data)).mappings().one()["id"]

    def row(self, delivery: UUID) -> dict[str, Any]:
        return self.platform.rows("SELECT * FROM webhook_deliveries WHERE id = %s", delivery)[0]

    def hook_row(self, hook: UUID) -> dict[str, Any]:
        return self.platform.rows("SELECT * FROM webhooks WHERE id = %s", hook)[0]

    def make_due(self) -> None:
        self.platform.rows("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE state = 'pending'")

    def with_sender(self, use: Callable[[Sender], Awaitable[None]], **options: Any) -> None:
        """Run something with a sender that has its own loop and connections, as in a relay."""
        limits = {"allow_private_targets": True, "timeout_s": 2.0} | options.pop("limits", {})

        async def run() -> None:
            engine: AsyncEngine = async_engine(self.database)
            sender = Sender(engine, WebhookSettings(**limits), **options)
            try:
                await use(sender)
            finally:
                await sender.finish()
                await engine.dispose()

        asyncio.run(run())

    def send(self, **options: Any) -> None:
        """Look once, and wait for what was begun."""

        async def once(sender: Sender) -> None:
            await sender.look()
            if sender._at_work:
                await asyncio.wait(sender._at_work)

        self.with_sender(once, **options)


@pytest.fixture
def bench(scratch_platform: Platform) -> Iterator[Bench]:
    settings = Settings(database_url=scratch_platform.database_url)
    engine = sync_engine(settings.database)
    yield Bench(scratch_platform, engine, settings.database)
    engine.dispose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def test_a_delivery_is_signed_as_standard_webhooks_say_and_logged(bench: Bench, receiver: Receiver) -> None:
    receiver.answer = lambda _number: (200, {}, b"thank you" + b"!" * 5_000)
    hook = bench.hook(receiver.url)
    delivery = bench.delivery(hook, note="café")
    bench.send()
    (received,) = receiver.received
    content = received.verified(bench.hook_row(hook)["secret"])
    assert (content["type"], content["data"]) == ("webhook.test", {"note": "café"})
    assert datetime.fromisoformat(content["timestamp"]) <= datetime.now(UTC)
    assert received.headers["webhook-id"] == f"msg_{delivery.hex}"
    assert received.headers["Content-Type"] == "application/json"
    row = bench.row(delivery)
    assert (row["state"], row["attempt"]) == ("delivered", 1)
    (tried,) = row["attempts"]
    assert (tried["status"], tried["error"]) == (200, None)
    assert tried["answer"] == ("thank you" + "!" * 500)[:500]


def test_a_signature_of_another_secret_or_another_body_is_none(bench: Bench, receiver: Receiver) -> None:
    hook = bench.hook(receiver.url)
    bench.delivery(hook)
    bench.send()
    (received,) = receiver.received
    with pytest.raises(WebhookVerificationError):
        received.verified(new_secret().get_secret_value())
    with pytest.raises(WebhookVerificationError):
        Webhook(bench.hook_row(hook)["secret"]).verify(received.body + " ", received.headers)


def test_both_secrets_sign_while_both_are_live(bench: Bench, receiver: Receiver) -> None:
    hook = bench.hook(receiver.url)
    old = bench.hook_row(hook)["secret"]
    with bench.engine.begin() as connection:
        new = new_secret().get_secret_value()
        connection.execute(webhooks.rotate_secret(hook, None, new, 3_600))
    bench.delivery(hook)
    bench.send()
    assert receiver.received[0].verified(old) == receiver.received[0].verified(new)
    bench.platform.rows("UPDATE webhooks SET previous_secret_until = now() WHERE id = %s", hook)
    bench.delivery(hook)
    bench.send()
    receiver.received[1].verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.received[1].verified(old)


def test_what_fails_is_tried_again_later_and_later_with_the_same_id_and_body(bench: Bench, receiver: Receiver) -> None:
    receiver.answer = lambda number: (500 if number < 3 else 200, {}, b"no")
    hook = bench.hook(receiver.url)
    delivery = bench.delivery(hook)
    pauses = []
    for _ in range(4):
        bench.send(limits={"retry_after_s": (10.0, 100.0, 1_000.0)})
        row = bench.row(delivery)
        pauses.append((row["next_attempt_at"] - datetime.now(UTC)).total_seconds())
        bench.make_due()
    assert 8 < pauses[0] <= 12.5
    assert 98 < pauses[1] <= 125
    assert 998 < pauses[2] <= 1_250
    assert bench.row(delivery)["state"] == "delivered"
    assert [tried["status"] for tried in bench.row(delivery)["attempts"]] == [500, 500, 500, 200]
    assert len({(one.headers["webhook-id"], one.body) for one in receiver.received}) == 1
    assert bench.hook_row(hook)["failure_count"] == 0


def test_after_the_last_try_a_delivery_has_failed(bench: Bench, receiver: Receiver) -> None:
    receiver.answer = lambda _number: (503, {}, b"")
    delivery = bench.delivery(bench.hook(receiver.url))
    for _ in range(3):
        bench.send(limits={"retry_after_s": (1.0, 1.0)})
        bench.make_due()
    row = bench.row(delivery)
    assert (row["state"], row["attempt"]) == ("failed", 3)
    assert row["ended_at"] is not None


def test_a_receiver_that_asks_for_more_time_gets_it(bench: Bench, receiver: Receiver) -> None:
    receiver.answer = lambda _number: (429, {"Retry-After": "600"}, b"")
    delivery = bench.delivery(bench.hook(receiver.url))
    bench.send()
    assert (bench.row(delivery)["next_attempt_at"] - datetime.now(UTC)).total_seconds() > 590


def test_410_disables_the_webhook(bench: Bench, receiver: Receiver) -> None:
    receiver.answer = lambda _number: (410, {}, b"")
    hook = bench.hook(receiver.url)
    delivery = bench.delivery(hook)
    later = bench.delivery(hook)
    bench.platform.rows(
        "UPDATE webhook_deliveries SET next_attempt_at = now() + interval '1 hour' WHERE id = %s", later
    )
    bench.send()
    assert (bench.row(delivery)["state"], bench.row(later)["state"]) == ("failed", "failed")
    row = bench.hook_row(hook)
    assert row["is_enabled"] is False
    assert "410" in row["disabled_reason"]


def test_too_many_failures_over_too_long_disable_a_webhook_and_fewer_do_not(bench: Bench, receiver: Receiver) -> None:
    receiver.answer = lambda _number: (500, {}, b"")
    hook = bench.hook(receiver.url)
    limits = {"disable_after_failures": 3, "disable_after_days": 2.0, "retry_after_s": (1.0,) * 9}
    bench.delivery(hook)
    for _ in range(4):  # enough, but too soon
        bench.send(limits=limits)
        bench.make_due()
    row = bench.hook_row(hook)
    assert (row["is_enabled"], row["failure_count"]) == (True, 4)
    bench.platform.rows("UPDATE webhooks SET failing_since = now() - interval '3 days' WHERE id = %s", hook)
    bench.send(limits=limits)
    row = bench.hook_row(hook)
    assert row["is_enabled"] is False
    assert "in a row" in row["disabled_reason"]
    bench.make_due()
    bench.send(limits=limits)
    assert len(receiver.received) == 5


def test_a_redirect_is_not_followed(bench: Bench, receiver: Receiver) -> None:
    with receiving() as other:
        receiver.answer = lambda _number: (302, {"Location": other.url}, b"")
        delivery = bench.delivery(bench.hook(receiver.url))
        bench.send()
        assert other.received == []
    (tried,) = bench.row(delivery)["attempts"]
    assert tried["status"] == 302
    assert tried["error"].startswith("redirect_refused")


def test_who_does_not_answer_in_time_has_failed(bench: Bench, receiver: Receiver) -> None:
    is_over = threading.Event()
    receiver.answer = lambda _number: (is_over.wait(20), (200, {}, b""))[1]
    delivery = bench.delivery(bench.hook(receiver.url))
    bench.send(limits={"timeout_s": 0.2})
    is_over.set()
    (tried,) = bench.row(delivery)["attempts"]
    assert tried["status"] is None
    assert tried["error"].startswith("timeout")


def test_nobody_at_the_address_is_a_failure_like_others(bench: Bench) -> None:
    with receiving() as gone:
        url = gone.url
    delivery = bench.delivery(bench.hook(url))
    bench.send()
    assert bench.row(delivery)["attempts"][0]["error"] == "connection_failed: ConnectError"


def test_loopback_is_refused_where_private_targets_are_not_allowed(bench: Bench, receiver: Receiver) -> None:
    delivery = bench.delivery(bench.hook(receiver.url))
    bench.send(limits={"allow_private_targets": False})
    assert receiver.received == []
    assert bench.row(delivery)["attempts"][0]["error"].startswith("target_refused: the host may not be reached")


def test_a_name_that_is_rebound_to_loopback_reaches_nobody(bench: Bench, receiver: Receiver) -> None:
    answers: list[Sequence[str]] = [["192.0.2.1"], ["127.0.0.1"]]

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return answers.pop(0)

    url = receiver.url.replace("127.0.0.1", "rebind.example")
    delivery = bench.delivery(bench.hook(url))
    limits = {"allow_private_targets": False, "timeout_s": 0.5}
    for _ in range(2):
        bench.send(limits=limits, resolve=resolve)
        bench.make_due()
    assert receiver.received == []
    assert answers == []
    assert all(tried["error"].startswith("target_refused") for tried in bench.row(delivery)["attempts"])


def test_the_name_is_asked_for_at_the_checked_address(bench: Bench, receiver: Receiver) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    url = receiver.url.replace("127.0.0.1", "hooks.example")
    bench.delivery(bench.hook(url))
    bench.send(resolve=resolve)
    assert receiver.received[0].headers["Host"] == url.partition("//")[2].partition("/")[0]


def test_a_second_address_is_tried_when_the_first_takes_no_connection(bench: Bench, receiver: Receiver) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["::1", "127.0.0.1"]

    delivery = bench.delivery(bench.hook(receiver.url.replace("127.0.0.1", "hooks.example")))
    bench.send(resolve=resolve)
    assert bench.row(delivery)["state"] == "delivered"


def test_tls_asks_for_the_names_certificate_at_the_checked_address(bench: Bench) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATES / "hooks.example.pem", CERTIFICATES / "hooks.example.key.pem")
    trust = ssl.create_default_context(cafile=str(CERTIFICATES / "hooks.example.pem"))

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    with receiving(server) as receiver:
        named = bench.delivery(bench.hook(receiver.url.replace("127.0.0.1", "hooks.example")))
        other = bench.delivery(bench.hook(receiver.url.replace("127.0.0.1", "other.example")))
        bench.send(resolve=resolve, tls=trust)
        assert bench.row(named)["state"] == "delivered"
        assert bench.row(other)["attempts"][0]["error"] == "connection_failed: the certificate was not accepted"
        untrusted = bench.delivery(bench.hook(receiver.url.replace("127.0.0.1", "hooks.example")))
        bench.send(resolve=resolve)
        assert bench.row(untrusted)["state"] == "pending"
        assert len(receiver.received) == 1


def test_a_slow_receiver_keeps_nobody_else_waiting(bench: Bench, receiver: Receiver) -> None:
    is_over = threading.Event()
    with receiving() as slow:
        slow.answer = lambda _number: (is_over.wait(30), (200, {}, b""))[1]
        stuck = bench.hook(slow.url)
        for _ in range(50):
            bench.delivery(stuck)
        quick = bench.delivery(bench.hook(receiver.url))

        async def look(sender: Sender) -> None:
            assert await sender.look() == 3
            await asyncio.to_thread(eventually, lambda: bench.row(quick)["state"] == "delivered")
            assert await sender.look() == 0
            is_over.set()

        bench.with_sender(look, limits={"max_at_once": 3, "max_at_once_per_webhook": 2, "timeout_s": 30.0})
    assert len(slow.received) == 2


def test_two_senders_send_each_delivery_once(bench: Bench, receiver: Receiver) -> None:
    hooks = [bench.hook(receiver.url) for _ in range(3)]
    wanted = {f"msg_{bench.delivery(hook).hex}" for hook in hooks for _ in range(20)}

    def run() -> None:
        is_over = threading.Event()

        async def until_empty(sender: Sender) -> None:
            running = asyncio.create_task(sender.run(is_over))
            pending = "SELECT 1 FROM webhook_deliveries WHERE state = 'pending'"
            await asyncio.to_thread(eventually, lambda: not bench.platform.rows(pending), timeout_s=60)
            is_over.set()
            await running

        bench.with_sender(until_empty)

    senders = [threading.Thread(target=run) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(receiver.received) == 60
    assert {one.headers["webhook-id"] for one in receiver.received} == wanted


def test_what_a_dead_sender_had_taken_is_sent_when_its_lease_is_over(bench: Bench, receiver: Receiver) -> None:
    delivery = bench.delivery(bench.hook(receiver.url))
    with bench.engine.begin() as connection:  # taken, and never heard of again
        connection.execute(webhooks.CLAIM_DELIVERIES, webhooks.claim_parameters([], 9, 9, 0.4))
    bench.send()
    assert bench.row(delivery)["state"] == "pending"
    eventually(lambda: (bench.send(), bench.row(delivery)["state"] == "delivered")[1])
    assert bench.row(delivery)["attempt"] == 2


def test_a_frozen_sender_does_not_write_over_what_came_after_it(bench: Bench, receiver: Receiver) -> None:
    delivery = bench.delivery(bench.hook(receiver.url))
    bench.platform.rows("UPDATE webhook_deliveries SET attempt = 1")
    bench.send()
    with bench.engine.begin() as connection:
        connection.execute(webhooks.note_failed(delivery, 1, {"late": True}, 5.0))
    assert bench.row(delivery)["state"] == "delivered"
    assert len(bench.row(delivery)["attempts"]) == 1


def test_a_disabled_webhook_is_told_nothing_until_it_is_enabled(bench: Bench, receiver: Receiver) -> None:
    hook = bench.hook(receiver.url, is_enabled=False)
    bench.delivery(hook)
    bench.send()
    assert receiver.received == []
    with bench.engine.begin() as connection:
        connection.execute(webhooks.change_webhook(hook, None, is_enabled=True))
    bench.send()
    assert len(receiver.received) == 1
