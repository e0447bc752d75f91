"""The use cases of webhooks. What is delivered is written with each job's end; `workers/webhooks/` sends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.base import Executable

from backend.core.db import webhooks
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.core.user import User
from backend.core.webhooks import (
    SECRET_OVERLAP_S,
    TEST_EVENT,
    DeliveryView,
    WebhookChanges,
    WebhookRequest,
    WebhookView,
    WebhookWithSecret,
    new_secret,
    require_target,
)
from backend.services.jobs import page_place
from backend.settings import WebhookSettings

Place = tuple[datetime, UUID]


@dataclass(frozen=True)
class WebhookPage:
    webhooks: Sequence[WebhookView]
    next_cursor: str | None


@dataclass(frozen=True)
class DeliveryPage:
    deliveries: Sequence[DeliveryView]
    next_cursor: str | None


class Webhooks:
    """What a user may do with webhooks. `every` widens a use case from one's own to all (admins only)."""

    def __init__(self, engine: AsyncEngine, limits: WebhookSettings) -> None:
        self._engine = engine
        self._limits = limits

    async def create(self, user: User, wanted: WebhookRequest) -> WebhookWithSecret:
        """Return a new webhook with its secret, which is told this once."""
        require_target(wanted.url, allow_private=self._limits.allow_private_targets)
        secret = new_secret().get_secret_value()
        row = {"id": new_id(), "user_id": user.id, **_columns(wanted.model_dump()), "secret": secret}
        limit = self._limits.max_per_user
        async with self._engine.begin() as connection:
            added = (await connection.execute(webhooks.add_webhook(row, limit))).mappings().one_or_none()
        if added is None:
            raise Conflict(f"a user has {limit} webhooks at most; delete one first")
        return WebhookWithSecret.model_validate(dict(added))

    async def find(self, user: User, before: Place | None, limit: int, *, every: bool = False) -> WebhookPage:
        """Return one page, newest first, and the cursor of the next."""
        wanted = webhooks.list_webhooks(None if every else user.id, before, limit)
        async with self._engine.connect() as connection:
            found = [_view(row) for row in (await connection.execute(wanted)).mappings()]
        last = found[-1] if len(found) == limit else None
        return WebhookPage(found, None if last is None else page_place(last.created_at, last.id))

    async def get(self, user: User, webhook_id: UUID, *, every: bool = False) -> WebhookView:
        async with self._engine.connect() as connection:
            wanted = webhooks.webhook_by_id(webhook_id, None if every else user.id)
            return _view(await _one(connection, wanted, webhook_id))

    async def change(
        self, user: User, webhook_id: UUID, changes: WebhookChanges, *, every: bool = False
    ) -> WebhookView:
        """Change what is named; enabling forgets the failures before."""
        values = _columns(changes.values)
        if changes.url is not None:
            require_target(changes.url, allow_private=self._limits.allow_private_targets)
        async with self._engine.begin() as connection:
            wanted = webhooks.change_webhook(webhook_id, None if every else user.id, **values)
            return _view(await _one(connection, wanted, webhook_id))

    async def rotate_secret(self, user: User, webhook_id: UUID, *, every: bool = False) -> WebhookWithSecret:
        """Return the webhook with a new secret; for a day the one before signs, too."""
        secret = new_secret().get_secret_value()
        async with self._engine.begin() as connection:
            wanted = webhooks.rotate_secret(webhook_id, None if every else user.id, secret, SECRET_OVERLAP_S)
            return WebhookWithSecret.model_validate(dict(await _one(connection, wanted, webhook_id)))

    async def delete(self, user: User, webhook_id: UUID, *, every: bool = False) -> None:
        """Delete a webhook with its log; what was to be delivered is not."""
        async with self._engine.begin() as connection:
            dropped = await connection.execute(webhooks.drop_webhook(webhook_id, None if every else user.id))
            if dropped.rowcount == 0:
                raise _missing(webhook_id)

    async def test(self, user: User, webhook_id: UUID, *, every: bool = False) -> DeliveryView:
        """Deliver something that no job is behind; the log tells how that went."""
        async with self._engine.begin() as connection:
            hook = await _one(connection, webhooks.webhook_by_id(webhook_id, None if every else user.id), webhook_id)
            if not hook["is_enabled"]:
                raise Conflict("the webhook is disabled; enable it first")
            added = webhooks.add_delivery(webhook_id, TEST_EVENT, {"webhook_id": str(webhook_id)})
            return DeliveryView.of((await connection.execute(added)).mappings().one())

    async def deliveries(
        self,
        user: User,
        webhook_id: UUID,
        *,
        state: str | None,
        before: Place | None,
        limit: int,
        every: bool = False,
    ) -> DeliveryPage:
        """Return one page of a webhook's log, newest first, and the cursor of the next."""
        async with self._engine.connect() as connection:
            await _one(connection, webhooks.webhook_by_id(webhook_id, None if every else user.id), webhook_id)
            wanted = webhooks.list_deliveries(webhook_id, state, before, limit)
            found = [DeliveryView.of(row) for row in (await connection.execute(wanted)).mappings()]
        last = found[-1] if len(found) == limit else None
        return DeliveryPage(found, None if last is None else page_place(last.created_at, last.id))

    async def redeliver(self, user: User, webhook_id: UUID, delivery_id: UUID, *, every: bool = False) -> DeliveryView:
        """Try a delivery again, now, whatever became of it before; it keeps its `webhook-id`."""
        async with self._engine.begin() as connection:
            hook = await _one(connection, webhooks.webhook_by_id(webhook_id, None if every else user.id), webhook_id)
            if not hook["is_enabled"]:
                raise Conflict("the webhook is disabled; enable it first")
            again = (await connection.execute(webhooks.redeliver(webhook_id, delivery_id))).mappings().one_or_none()
            if again is None:
                raise NotFound(f"there is no delivery {delivery_id}")
            return DeliveryView.of(again)


async def _one(connection: AsyncConnection, wanted: Executable, webhook_id: UUID) -> RowMapping:
    row: RowMapping | None = (await connection.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise _missing(webhook_id)
    return row


def _columns(values: dict[str, Any]) -> dict[str, Any]:  # Any: column values
    """Return values as the columns take them: arrays from tuples."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _view(row: RowMapping) -> WebhookView:
    return WebhookView.model_validate(dict(row))


def _missing(webhook_id: UUID) -> NotFound:
    return NotFound(f"there is no webhook {webhook_id}")
