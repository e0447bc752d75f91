"""Webhooks through the API, and from a job's end to a receiver with real processes."""

import signal
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from tests.integration.api.test_jobs import SCAN
from tests.platform import Platform, finished, submit
from tests.receiver import Receiver, receiving
from tests.waiting import eventually

PUBLIC = "https://hooks.example/aitrader"


def made(client: httpx.Client, url: str = PUBLIC, **changes: Any) -> dict[str, Any]:
    answer = client.post("/webhooks", json={"url": url, **changes})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/webhooks/{answer.json()['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    webhook: dict[str, Any] = answer.json()
    return webhook


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_the_secret_is_told_once(idle_user: httpx.Client) -> None:
    webhook = made(idle_user)
    secret = webhook.pop("secret")
    Webhook(secret)  # a good one
    told = idle_user.get(f"/webhooks/{webhook['id']}")
    assert told.json() == webhook
    listed = idle_user.get("/webhooks")
    assert listed.json() == {"webhooks": [webhook], "next_cursor": None}
    changed = idle_user.patch(f"/webhooks/{webhook['id']}", json={"states": ["failed"], "job_types": ["backtest"]})
    assert changed.json()["states"] == ["failed"]
    assert all("secret" not in answer.text.replace("previous_secret", "") for answer in (told, listed, changed))


def test_a_rotated_secret_leaves_the_old_one_live_for_a_day(idle_platform: Platform, idle_user: httpx.Client) -> None:
    webhook = made(idle_user)
    rotated = idle_user.post(f"/webhooks/{webhook['id']}/rotate-secret").json()
    assert rotated["secret"] != webhook["secret"]
    (row,) = idle_platform.rows(
        "SELECT previous_secret, previous_secret_until - now() AS left FROM webhooks WHERE id = %s", webhook["id"]
    )
    assert row["previous_secret"] == webhook["secret"]
    assert 86_000 < row["left"].total_seconds() <= 86_400


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"url": "http://127.0.0.1:1/"}, "url"),
        ({"url": "http://169.254.169.254/latest"}, "url"),
        ({"url": "https://me:secret@hooks.example/"}, "url"),
        ({"url": "gopher://hooks.example/"}, "url"),
        ({"url": PUBLIC, "states": ["running"]}, "states.0"),
        ({"url": PUBLIC, "job_types": ["nonsense"]}, "job_types"),
        ({"url": PUBLIC, "surprise": 1}, "surprise"),
        ({}, "url"),
    ],
)
def test_what_is_wrong_is_said_and_leaves_nothing_behind(
    idle_user: httpx.Client, body: dict[str, Any], path: str
) -> None:
    answer = idle_user.post("/webhooks", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == path
    assert "me:secret" not in answer.json()["detail"] or path != "url"
    assert idle_user.get("/webhooks").json()["webhooks"] == []
    webhook = made(idle_user)
    assert idle_user.patch(f"/webhooks/{webhook['id']}", json=body or {"url": None}).status_code == 422


def test_a_webhook_of_somebody_else_is_not_there(idle_platform: Platform, idle_user: httpx.Client) -> None:
    path = f"/webhooks/{made(idle_user)['id']}"
    delivery = idle_user.post(f"{path}/test").json()
    asked = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("POST", "/rotate-secret")]
    asked += [("GET", "/deliveries"), ("POST", f"/deliveries/{delivery['id']}/redeliver")]
    with idle_platform.client() as other, idle_platform.client("admin") as admin:
        for method, more in asked:
            body = {"json": {"is_enabled": False}} if method == "PATCH" else {}
            assert other.request(method, path + more, **body).status_code == 404, more
            assert admin.request(method, path + more, **body).status_code == 404, more
        assert other.get("/webhooks", params={"all": "true"}).status_code == 403
        assert admin.patch(path, params={"all": "true"}, json={"is_enabled": False}).json()["is_enabled"] is False
    assert idle_user.post(f"{path}/test").status_code == 409
    assert idle_user.post(f"{path}/deliveries/{delivery['id']}/redeliver").status_code == 409
    assert idle_user.delete(path).status_code == 204
    assert idle_user.get(path).status_code == 404


def test_a_delivery_of_another_webhook_is_not_there(idle_user: httpx.Client) -> None:
    one, two = made(idle_user), made(idle_user)
    delivery = idle_user.post(f"/webhooks/{one['id']}/test").json()
    assert idle_user.post(f"/webhooks/{two['id']}/deliveries/{delivery['id']}/redeliver").status_code == 404
    assert idle_user.post(f"/webhooks/{one['id']}/deliveries/{uuid4()}/redeliver").status_code == 404


def test_a_user_has_so_many_webhooks_at_most(idle_user: httpx.Client) -> None:
    for _ in range(20):
        made(idle_user)
    assert idle_user.post("/webhooks", json={"url": PUBLIC}).json()["code"] == "conflict"


def test_enabling_forgets_the_failures_before(idle_platform: Platform, idle_user: httpx.Client) -> None:
    path = f"/webhooks/{made(idle_user)['id']}"
    idle_platform.rows(
        "UPDATE webhooks SET is_enabled = false, disabled_reason = 'x', failure_count = 9, failing_since = now()"
    )
    told = idle_user.get(path).json()
    assert (told["is_enabled"], told["disabled_reason"], told["failure_count"]) == (False, "x", 9)
    told = idle_user.patch(path, json={"is_enabled": True}).json()
    assert (told["disabled_reason"], told["failure_count"], told["failing_since"]) == (None, 0, None)


def test_the_log_is_told_in_pages_and_by_state(idle_user: httpx.Client) -> None:
    path = f"/webhooks/{made(idle_user)['id']}"
    ids = [idle_user.post(f"{path}/test").json()["id"] for _ in range(3)]
    first = idle_user.get(f"{path}/deliveries", params={"limit": 2}).json()
    rest = idle_user.get(f"{path}/deliveries", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["id"] for one in first["deliveries"] + rest["deliveries"]] == ids[::-1]
    assert idle_user.get(f"{path}/deliveries", params={"state": "delivered"}).json()["deliveries"] == []


def test_the_end_of_a_job_reaches_the_receiver(user: httpx.Client, receiver: Receiver) -> None:
    webhook = made(user, receiver.url)
    job = finished(user, submit(user, "pattern_scan", SCAN)["id"])
    eventually(lambda: receiver.received, what="the delivery")
    (received,) = receiver.received
    content = received.verified(webhook["secret"])
    assert content["type"] == "job.succeeded"
    told = {name: value for name, value in job.items() if name not in {"user_id", "payload", "result"}}
    assert {name: content["data"][name] for name in ("id", "state", "version")} == {
        name: told[name] for name in ("id", "state", "version")
    }
    assert content["data"].keys() == told.keys()
    eventually(lambda: log(user, webhook)[0]["state"] == "delivered", what="the log")
    assert log(user, webhook)[0]["attempts"][0]["status"] == 204


def test_a_test_and_a_redelivery_say_the_same_id(user: httpx.Client, receiver: Receiver) -> None:
    webhook = made(user, receiver.url)
    delivery = user.post(f"/webhooks/{webhook['id']}/test").json()
    assert delivery["state"] == "pending"
    eventually(lambda: log(user, webhook)[0]["state"] == "delivered", what="the test")
    again = user.post(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}/redeliver")
    assert again.status_code == 202
    eventually(lambda: len(receiver.received) == 2, what="the redelivery")
    assert {one.headers["webhook-id"] for one in receiver.received} == {delivery["message_id"]}
    eventually(lambda: len(log(user, webhook)[0]["attempts"]) == 2, what="both tries in the log")


def test_no_secret_is_in_any_log(platform: Platform, user: httpx.Client, receiver: Receiver) -> None:
    webhook = made(user, receiver.url)
    user.post(f"/webhooks/{webhook['id']}/test")
    eventually(lambda: receiver.received, what="the delivery")
    secret = webhook["secret"].removeprefix("whsec_")
    assert all(secret not in file.read_text(errors="replace") for file in platform.data_dir.glob("*.log"))


def test_a_relay_that_is_killed_keeps_no_delivery_from_arriving(scratch_platform: Platform, receiver: Receiver) -> None:
    platform = scratch_platform
    platform.extra_environment.update(WEBHOOKS__ALLOW_PRIVATE_TARGETS="true", WEBHOOKS__TIMEOUT_S="1")
    platform.start_api()
    relays = [platform.start("workers.relay"), platform.start("workers.relay")]
    with platform.client() as client:
        webhook = made(client, receiver.url)
        wanted = {client.post(f"/webhooks/{webhook['id']}/test").json()["message_id"] for _ in range(40)}
        eventually(lambda: len(receiver.received) > 5, timeout_s=60, what="the first deliveries")
        relays[0].send_signal(signal.SIGKILL)
        eventually(
            lambda: {one.headers["webhook-id"] for one in receiver.received} == wanted,
            timeout_s=90,
            what="every delivery",
        )


def log(client: httpx.Client, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    deliveries: list[dict[str, Any]] = client.get(f"/webhooks/{webhook['id']}/deliveries").json()["deliveries"]
    return deliveries
