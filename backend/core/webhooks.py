"""Webhooks: what a user sends, what is answered, and what goes out (Standard Webhooks)."""

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import httpx
from annotated_types import Len
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator

from backend.core.errors import Invalid, Problem
from backend.core.jobs.payload import FreeText
from backend.core.jobs.registry import JOB_TYPES
from backend.core.public_addresses import refusal

TEST_EVENT = "webhook.test"
SECRET_BYTES = 24
SECRET_OVERLAP_S = 86_400
"""How long the secret before still signs, beside the new one."""
MAX_URL_LENGTH = 2_000
MAX_PORT = 65_535

EndState = Literal["succeeded", "failed", "cancelled"]
DeliveryState = Literal["pending", "delivered", "failed"]
END_STATES: tuple[EndState, ...] = ("succeeded", "failed", "cancelled")
Url = Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL_LENGTH)]
Description = Annotated[FreeText, StringConstraints(max_length=200)]
States = Annotated[tuple[EndState, ...], Len(1, len(END_STATES))]
JobTypes = Annotated[tuple[str, ...], Len(1, 100)]


class _Fields(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @field_validator("states", "job_types", check_fields=False)
    @classmethod
    def _named_once(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if names is None else tuple(sorted(set(names)))

    @field_validator("job_types", check_fields=False)
    @classmethod
    def _known(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in names or ():
            if name not in JOB_TYPES:
                raise ValueError(f"expected names among {', '.join(JOB_TYPES)}; {name[:80]!r} is none")
        return names


class WebhookRequest(_Fields):
    """A new webhook."""

    url: Annotated[Url, Field(description="http or https, without a user.", examples=["https://example.com/hook"])]
    description: Description = ""
    states: Annotated[States, Field(description="The ends of jobs to tell of.")] = END_STATES
    job_types: Annotated[JobTypes | None, Field(description="Only of these types; null is all.")] = None
    is_enabled: bool = True


class WebhookChanges(_Fields):
    """What shall be different. What is left out stays; `job_types` null is all types."""

    url: Url | None = None
    description: Description | None = None
    states: States | None = None
    job_types: JobTypes | None = None
    is_enabled: bool | None = None

    @property
    def values(self) -> dict[str, Any]:  # Any: column values
        """Return the columns that are named, by name."""
        for name in self.model_fields_set - {"job_types"}:
            if getattr(self, name) is None:
                raise Invalid(f"{name} must not be null; leave it out to keep it", [Problem(name, "must not be null")])
        return {name: getattr(self, name) for name in self.model_fields_set}


class WebhookView(BaseModel):
    """A webhook, as the API answers it: never with its secret."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    user_id: UUID
    url: str
    description: str
    states: tuple[EndState, ...]
    job_types: tuple[str, ...] | None
    is_enabled: bool
    disabled_reason: str | None
    failing_since: datetime | None
    failure_count: int
    previous_secret_until: datetime | None
    created_at: datetime
    changed_at: datetime


class WebhookWithSecret(WebhookView):
    """The same with its secret: the one answer that has it."""

    secret: str


class Try(BaseModel):
    """One try at a delivery. `status`: None when there was no answer; `error` then says why."""

    at: datetime
    status: int | None
    error: str | None
    duration_ms: int
    answer: str
    """The beginning of what was answered."""


class DeliveryView(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    webhook_id: UUID
    message_id: str
    job_id: UUID | None
    event: str
    state: DeliveryState
    attempt: int
    next_attempt_at: datetime | None
    attempts: tuple[Try, ...]
    body: dict[str, Any]  # Any: JSON
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:  # Any: a database row
        next_attempt_at = row["next_attempt_at"] if row["state"] == "pending" else None
        return cls.model_validate({**row, "message_id": message_id(row["id"]), "next_attempt_at": next_attempt_at})


def message_id(delivery_id: UUID) -> str:
    """Return the `webhook-id` of a delivery: the same at every try, so that a receiver knows what it has had."""
    return f"msg_{delivery_id.hex}"


def new_secret() -> SecretStr:
    return SecretStr("whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def require_target(text: str, *, allow_private: bool) -> None:
    """Refuse an address that can be no target; where a name leads is judged at each delivery."""
    told = _wrong_with(text, allow_private=allow_private)
    if told is not None:
        raise Invalid(f"url: {told}", [Problem("url", told)])


def _wrong_with(text: str, *, allow_private: bool) -> str | None:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        return f"expected an address; {error}"
    if url.scheme not in {"http", "https"} or not url.host:
        return "expected an address that begins with https:// or http:// and has a host"
    if url.userinfo or url.fragment or not text.isprintable() or " " in text:
        return "expected an address without a user, a password, a fragment or spaces"
    if url.port is not None and not 0 < url.port <= MAX_PORT:
        return "expected a port from 1 to 65535"
    is_numeric = ":" in url.host or url.host.rpartition(".")[2].isdigit()
    return refusal(url.host, allow_private=allow_private) if is_numeric else None
