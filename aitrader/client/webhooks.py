"""Webhooks, as `client.webhooks`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from aitrader.client.record import Json, Record
from aitrader.client.schedules import body_of
from aitrader.client.transport import Call, Parameters, Transport, json_of

PAGE = 200


class Webhook(Record):
    """A webhook. `secret`: only in the answers of `create` and `rotate_secret`."""

    id: str
    url: str
    description: str
    states: tuple[str, ...]
    job_types: tuple[str, ...] | None = None
    is_enabled: bool
    disabled_reason: str | None = None
    failing_since: datetime | None = None
    failure_count: int
    previous_secret_until: datetime | None = None
    created_at: datetime
    secret: str | None = None


class DeliveryTry(Record):
    """One try at a delivery. `status`: None when there was no answer; `error` then says why."""

    at: datetime
    status: int | None = None
    error: str | None = None
    duration_ms: int
    answer: str


class Delivery(Record):
    """Something that a webhook was told, or is to be: `state` is pending, delivered or failed."""

    id: str
    message_id: str
    job_id: str | None = None
    event: str
    state: str
    attempt: int
    next_attempt_at: datetime | None = None
    attempts: tuple[DeliveryTry, ...]
    body: dict[str, Any]  # Any: a JSON value
    created_at: datetime
    ended_at: datetime | None = None


class WebhookPage(Record):
    webhooks: tuple[Webhook, ...]
    next_cursor: str | None = None


class DeliveryPage(Record):
    deliveries: tuple[Delivery, ...]
    next_cursor: str | None = None


class Webhooks:
    """Makes webhooks, looks at them and at what they were told."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        url: str,
        *,
        states: Sequence[str] | None = None,
        job_types: Sequence[str] | None = None,
        description: str = "",
    ) -> Webhook:
        """Return a new webhook with its secret. states, job_types: which ends of jobs it is told of; None is all."""
        asked = {"url": url, "states": states, "job_types": job_types, "description": description}
        return Webhook.of(self._send("POST", "", {name: told for name, told in asked.items() if told is not None}))

    def get(self, webhook_id: str) -> Webhook:
        return Webhook.of(self._transport.get(_path(webhook_id)))

    def change(self, webhook_id: str, **changes: Any) -> Webhook:  # Any: JSON values
        """Change what is named, as `PATCH /webhooks/{id}` has it."""
        return Webhook.of(self._send("PATCH", _path(webhook_id), changes))

    def delete(self, webhook_id: str) -> None:
        """Delete it, and its log."""
        self._transport.send(Call(method="DELETE", path=_path(webhook_id), is_repeatable=False))

    def test(self, webhook_id: str) -> Delivery:
        """Deliver a `webhook.test`; `deliveries` tells how that went."""
        return Delivery.of(self._send("POST", f"{_path(webhook_id)}/test"))

    def rotate_secret(self, webhook_id: str) -> Webhook:
        """Return the webhook with a new secret; for a day the one before signs, too."""
        return Webhook.of(self._send("POST", f"{_path(webhook_id)}/rotate-secret"))

    def deliveries(self, webhook_id: str, *, state: str | None = None, limit: int = 50) -> list[Delivery]:
        """Return the newest deliveries."""
        found: list[Delivery] = []
        asked: dict[str, str] = {} if state is None else {"state": state}
        for page in self._pages(f"{_path(webhook_id)}/deliveries", asked, min(limit, PAGE)):
            found += DeliveryPage.of(page).deliveries
            if len(found) >= limit:
                break
        return found[:limit]

    def list(self) -> list[Webhook]:
        """Return all webhooks, newest first."""
        return [webhook for page in self._pages("/webhooks", {}) for webhook in WebhookPage.of(page).webhooks]

    def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Try a delivery again, now."""
        return Delivery.of(
            self._send("POST", f"{_path(webhook_id)}/deliveries/{quote(delivery_id, safe='')}/redeliver")
        )

    def _pages(self, path: str, asked: Parameters, length: int = PAGE) -> Iterator[Json]:
        cursor: dict[str, str] = {}
        while True:
            page = self._transport.get(path, {**asked, **cursor, "limit": length})
            yield page
            if page.get("next_cursor") is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:  # Any: a JSON value
        call = Call(
            method=method,
            path=path or "/webhooks",
            headers={} if body is None else {"Content-Type": "application/json"},
            content=None if body is None else body_of(body),
            is_repeatable=method == "PATCH",
        )
        return json_of(self._transport.send(call))


def _path(webhook_id: str) -> str:
    return f"/webhooks/{quote(webhook_id, safe='')}"
