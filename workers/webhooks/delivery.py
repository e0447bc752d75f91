"""One try at one delivery: signed, sent to a checked address, and what came of it."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from ssl import SSLCertVerificationError, SSLError
from typing import Any
from uuid import UUID

import httpx
from pydantic import SecretStr
from sqlalchemy import RowMapping
from standardwebhooks.webhooks import Webhook

from backend.core.webhooks import Try, message_id
from backend.version import VERSION
from workers.webhooks.target import Resolve, Target, TargetRefused, targets_of

KEPT_CHARACTERS = 500
READ_BYTES = 2_000
TRIED_ADDRESSES = 2
LONGEST_ASKED_PAUSE_S = 86_400.0


@dataclass(frozen=True)
class Delivery:
    """A delivery that this process has taken for a while."""

    id: UUID
    webhook_id: UUID
    attempt: int
    url: str
    body: str
    secrets: tuple[SecretStr, ...]

    @classmethod
    def of(cls, row: RowMapping) -> "Delivery":
        live = [row["secret"], row["previous_secret"]]
        secrets = tuple(SecretStr(secret) for secret in live if secret is not None)
        return cls(row["id"], row["webhook_id"], row["attempt"], row["url"], row["body"], secrets)

    def headers(self, now: datetime) -> dict[str, str]:
        """Return the headers of Standard Webhooks, signed by every secret that is live."""
        name = message_id(self.id)
        signatures = [Webhook(secret.get_secret_value()).sign(name, now, self.body) for secret in self.secrets]
        return {
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
            "Content-Type": "application/json",
            "User-Agent": f"AITrader/{VERSION}",
            "Accept-Encoding": "identity",  # what is kept of an answer is not worth unpacking anything
        }


@dataclass(frozen=True)
class Tried:
    """What came of a try; `asked_pause_s`: how long the receiver asked to be left alone."""

    told: Try
    asked_pause_s: float = 0.0

    @property
    def is_delivered(self) -> bool:
        return self.told.status is not None and httpx.codes.is_success(self.told.status)

    @property
    def is_gone(self) -> bool:
        return self.told.status == httpx.codes.GONE

    @property
    def record(self) -> dict[str, Any]:  # Any: JSON
        return self.told.model_dump(mode="json")


async def attempt(
    client: httpx.AsyncClient, delivery: Delivery, resolve: Resolve, *, timeout_s: float, allow_private: bool
) -> Tried:
    """Try once, in bounded time. Whatever goes wrong out there is an answer, too."""
    now, began = datetime.now(UTC), time.monotonic()

    def told(status: int | None = None, error: str | None = None, answer: str = "", pause_s: float = 0.0) -> Tried:
        duration_ms = round((time.monotonic() - began) * 1_000)
        return Tried(Try(at=now, status=status, error=error, duration_ms=duration_ms, answer=answer), pause_s)

    try:
        async with asyncio.timeout(timeout_s):
            targets = await targets_of(delivery.url, resolve, allow_private=allow_private)
            response, answer = await _send(client, delivery, targets, now)
    except TargetRefused as error:
        return told(error=f"target_refused: {error}")
    except (TimeoutError, httpx.TimeoutException):
        return told(error=f"timeout: no answer within {timeout_s:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return told(error=f"connection_failed: {_named(error)}")
    is_told_elsewhere = httpx.codes.is_redirect(response.status_code)
    error_text = "redirect_refused: redirects are not followed" if is_told_elsewhere else None
    return told(response.status_code, error_text, answer, _asked_pause_s(response))


async def _send(
    client: httpx.AsyncClient, delivery: Delivery, targets: list[Target], now: datetime
) -> tuple[httpx.Response, str]:
    """Return the answer of the first address that takes a connection, and the beginning of its text."""
    for target in targets[: TRIED_ADDRESSES - 1]:
        try:
            return await _send_to(client, delivery, target, now)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if target is targets[-1]:
                raise
    return await _send_to(client, delivery, targets[TRIED_ADDRESSES - 1], now)


async def _send_to(
    client: httpx.AsyncClient, delivery: Delivery, target: Target, now: datetime
) -> tuple[httpx.Response, str]:
    request = client.build_request(
        "POST",
        target.url,
        content=delivery.body.encode(),
        headers={"Host": target.host_header, **delivery.headers(now)},
        extensions={"sni_hostname": target.server_name},  # whose certificate is asked for, and checked
    )
    response = await client.send(request, stream=True)
    try:
        read = b""
        async for chunk in response.aiter_raw():
            read += chunk[: READ_BYTES - len(read)]
            if len(read) >= READ_BYTES:
                break
    finally:
        await response.aclose()
    return response, read.decode(errors="replace").replace("\0", "\ufffd")[:KEPT_CHARACTERS]


def _asked_pause_s(response: httpx.Response) -> float:
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_ASKED_PAUSE_S) if asked.isdecimal() and asked.isascii() else 0.0


def _named(error: Exception) -> str:
    """Return an error's kind alone: its text may name an address that the webhook's owner should not learn."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SSLError):
            return "the certificate was not accepted" if isinstance(cause, SSLCertVerificationError) else "TLS failed"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
