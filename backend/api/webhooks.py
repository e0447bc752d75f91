"""`/webhooks`: addresses that are told when jobs end, and the log of what they were told."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from backend.api.deps import CurrentUser, Every, State
from backend.api.errors import documented
from backend.api.json_body import JsonBody
from backend.core.webhooks import (
    DeliveryState,
    DeliveryView,
    WebhookChanges,
    WebhookRequest,
    WebhookView,
    WebhookWithSecret,
)
from backend.services.jobs import parse_page_cursor

NEW_WEBHOOK = JsonBody("NewWebhook", WebhookRequest)
CHANGE_WEBHOOK = JsonBody("ChangeWebhook", WebhookChanges)
WEBHOOK_BODIES = (NEW_WEBHOOK, CHANGE_WEBHOOK)

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


class WebhookList(BaseModel):
    webhooks: list[WebhookView]
    next_cursor: str | None


class DeliveryList(BaseModel):
    deliveries: list[DeliveryView]
    next_cursor: str | None


@router.post(
    "",
    status_code=201,
    operation_id="create_webhook",
    openapi_extra=NEW_WEBHOOK.openapi,
    responses=documented(401, 409, 413, 422),
)
async def create(
    state: State,
    user: CurrentUser,
    response: Response,
    body: Annotated[Any, Depends(NEW_WEBHOOK.parse)],  # Any: a WebhookRequest, which FastAPI would parse itself
) -> WebhookWithSecret:
    """Be told when jobs end. The answer has the secret that signs, this once."""
    webhook = await state.webhooks.create(user, body)
    response.headers["Location"] = f"/webhooks/{webhook.id}"
    response.headers["Cache-Control"] = "no-store"
    return webhook


@router.get("", operation_id="list_webhooks", responses=documented(401, 403, 422))
async def find(
    state: State,
    user: CurrentUser,
    every: Every,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> WebhookList:
    """List webhooks, newest first; `next_cursor` leads on."""
    before = None if cursor is None else parse_page_cursor(cursor)
    page = await state.webhooks.find(user, before, limit, every=every)
    return WebhookList(webhooks=list(page.webhooks), next_cursor=page.next_cursor)


@router.get("/{webhook_id}", operation_id="get_webhook", responses=documented(401, 403, 404, 422))
async def get(state: State, user: CurrentUser, every: Every, webhook_id: UUID) -> WebhookView:
    """Answer with the webhook, and how it is doing."""
    return await state.webhooks.get(user, webhook_id, every=every)


@router.patch(
    "/{webhook_id}",
    operation_id="change_webhook",
    openapi_extra=CHANGE_WEBHOOK.openapi,
    responses=documented(401, 403, 404, 413, 422),
)
async def change(
    state: State,
    user: CurrentUser,
    every: Every,
    webhook_id: UUID,
    body: Annotated[Any, Depends(CHANGE_WEBHOOK.parse)],  # Any: WebhookChanges, as above
) -> WebhookView:
    """Change what is named. Enabling forgets the failures before."""
    return await state.webhooks.change(user, webhook_id, body, every=every)


@router.delete(
    "/{webhook_id}", status_code=204, operation_id="delete_webhook", responses=documented(401, 403, 404, 422)
)
async def delete(state: State, user: CurrentUser, every: Every, webhook_id: UUID) -> None:
    """Delete the webhook and its log."""
    await state.webhooks.delete(user, webhook_id, every=every)


@router.post(
    "/{webhook_id}/test",
    status_code=202,
    operation_id="test_webhook",
    responses=documented(401, 403, 404, 409, 422),
)
async def test(state: State, user: CurrentUser, every: Every, webhook_id: UUID) -> DeliveryView:
    """Deliver a `webhook.test`; the log tells how that went."""
    return await state.webhooks.test(user, webhook_id, every=every)


@router.post(
    "/{webhook_id}/rotate-secret", operation_id="rotate_webhook_secret", responses=documented(401, 403, 404, 422)
)
async def rotate_secret(
    state: State, user: CurrentUser, every: Every, response: Response, webhook_id: UUID
) -> WebhookWithSecret:
    """Answer with a new secret, this once. For a day the one before signs, too."""
    response.headers["Cache-Control"] = "no-store"
    return await state.webhooks.rotate_secret(user, webhook_id, every=every)


@router.get(
    "/{webhook_id}/deliveries", operation_id="list_webhook_deliveries", responses=documented(401, 403, 404, 422)
)
async def deliveries(
    state: State,
    user: CurrentUser,
    every: Every,
    webhook_id: UUID,
    delivery_state: Annotated[DeliveryState | None, Query(alias="state")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> DeliveryList:
    """List deliveries with all their tries, newest first; `next_cursor` leads on."""
    before = None if cursor is None else parse_page_cursor(cursor)
    page = await state.webhooks.deliveries(
        user, webhook_id, state=delivery_state, before=before, limit=limit, every=every
    )
    return DeliveryList(deliveries=list(page.deliveries), next_cursor=page.next_cursor)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
    operation_id="redeliver_webhook",
    responses=documented(401, 403, 404, 409, 422),
)
async def redeliver(state: State, user: CurrentUser, every: Every, webhook_id: UUID, delivery_id: UUID) -> DeliveryView:
    """Try a delivery again, now. It keeps its `webhook-id`."""
    return await state.webhooks.redeliver(user, webhook_id, delivery_id, every=every)
