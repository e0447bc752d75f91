"""Webhooks from a notebook and from the command line."""

import json
from collections.abc import Iterator

import pytest

from aitrader.client import Client
from aitrader.errors import InvalidRequest, NotFound
from tests.integration.aitrader.conftest import CommandLine
from tests.receiver import Receiver, receiving
from tests.waiting import eventually


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def test_client_makes_tests_and_deletes_a_webhook(client: Client, receiver: Receiver) -> None:
    made = client.webhooks.create(receiver.url, states=["failed"], job_types=["backtest"])
    assert made.secret is not None
    assert client.webhooks.get(made.id).secret is None
    assert [webhook.id for webhook in client.webhooks.list()] == [made.id]
    delivery = client.webhooks.test(made.id)
    eventually(lambda: client.webhooks.deliveries(made.id)[0].state == "delivered", what="the test")
    assert receiver.received[0].verified(made.secret)["type"] == "webhook.test"
    rotated = client.webhooks.rotate_secret(made.id)
    assert rotated.secret not in {None, made.secret}
    client.webhooks.redeliver(made.id, delivery.id)
    eventually(lambda: len(receiver.received) == 2, what="the redelivery")
    for secret in (made.secret, rotated.secret or ""):
        receiver.received[1].verified(secret)
    assert client.webhooks.change(made.id, is_enabled=False).is_enabled is False
    client.webhooks.delete(made.id)
    with pytest.raises(NotFound):
        client.webhooks.get(made.id)
    with pytest.raises(InvalidRequest, match="metadata"):
        client.webhooks.create("http://169.254.169.254/")


def test_client_lists_deliveries_over_pages(client: Client, receiver: Receiver) -> None:
    made = client.webhooks.create(receiver.url)
    ids = [client.webhooks.test(made.id).id for _ in range(5)]
    assert [one.id for one in client.webhooks.deliveries(made.id, limit=3)] == ids[:1:-1]
    assert len(client.webhooks.deliveries(made.id)) == 5


def test_command_line_makes_tests_and_deletes_a_webhook(aitrader: CommandLine, receiver: Receiver) -> None:
    made = aitrader("webhooks", "create", receiver.url, "--state", "failed", "--type", "backtest")
    assert made.returncode == 0, made.stderr
    webhook_id, secret = made.stdout.split()
    listed = aitrader("webhooks", "list")
    assert webhook_id in listed.stdout
    assert secret not in listed.stdout
    delivery = aitrader("webhooks", "test", webhook_id).stdout.split()[0]
    eventually(lambda: "delivered" in aitrader("webhooks", "deliveries", webhook_id).stdout, what="the test")
    receiver.received[0].verified(secret)
    again = aitrader("webhooks", "redeliver", webhook_id, delivery)
    assert "pending" in again.stdout
    rotated = json.loads(aitrader("webhooks", "rotate-secret", webhook_id, "--json").stdout)
    assert rotated["secret"] != secret
    assert "disabled" in aitrader("webhooks", "change", webhook_id, "--disable").stdout
    assert aitrader("webhooks", "delete", webhook_id).returncode == 0
    assert aitrader("webhooks", "test", webhook_id).returncode == 1
