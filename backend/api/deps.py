"""What routes are given: the state built at start-up, and the user behind the bearer token."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from redis.asyncio import Redis
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core.artifacts import ArtifactStore
from backend.core.errors import Forbidden, Unauthenticated
from backend.core.events import Topic
from backend.core.user import User
from backend.services.accounts import Authenticator
from backend.services.admission import Admission
from backend.services.batches import Batches
from backend.services.bulk_jobs import BulkJobs
from backend.services.health import Health
from backend.services.jobs import Jobs
from backend.services.market import Market
from backend.services.metrics import Metrics
from backend.services.models import Models
from backend.services.queues import Queues
from backend.services.schedules import Schedules
from backend.services.sentiment import Sentiment
from backend.services.signals import Signals
from backend.services.webhooks import Webhooks
from backend.settings import Settings


class Listener(Protocol):
    """Hears one topic."""

    async def changed(self, key: str, timeout_s: float) -> bool:
        """Wait until something was said about `key`; False when nothing was in that time."""


@dataclass(frozen=True)
class AppState:
    """Everything that lives as long as the process serves."""

    settings: Settings
    engine: AsyncEngine
    import_engine: Engine
    redis: Redis
    accounts: Authenticator
    admission: Admission
    jobs: Jobs
    bulk_jobs: BulkJobs
    queues: Queues
    schedules: Schedules
    webhooks: Webhooks
    market: Market
    models: Models
    signals: Signals
    sentiment: Sentiment
    health: Health
    artifacts: ArtifactStore
    metrics: Metrics
    batches: Batches
    listen: Callable[[Topic], AbstractAsyncContextManager[Listener]]


async def app_state(request: Request) -> AppState:
    state: AppState = request.app.state.parts
    return state


State = Annotated[AppState, Depends(app_state)]
bearer = HTTPBearer(auto_error=False, description="A token from `aitrader token create`.")


async def user_of(request: Request) -> User:
    """Return the user behind a request's bearer token."""
    parts: AppState = request.app.state.parts
    return await parts.accounts.user_of(bearer_of(request))


def bearer_of(request: Request) -> str:
    """Return the token that a request carries."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("expected the header `Authorization: Bearer <token>`")
    return token.strip()


async def current_user(
    request: Request,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],  # for the document
) -> User:
    return await user_of(request)


CurrentUser = Annotated[User, Depends(current_user)]


async def every_users(
    user: CurrentUser,
    *,
    all_: Annotated[bool, Query(alias="all", description="All users' (admins only).")] = False,
) -> bool:
    if all_ and not user.is_admin:
        raise Forbidden("only an admin may ask for all users' jobs")
    return all_


Every = Annotated[bool, Depends(every_users)]
