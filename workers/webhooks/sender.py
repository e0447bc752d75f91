"""Sends deliveries as they fall due. Any number of senders may run: each takes what no other has.

A delivery is taken for a little longer than a try may last. Who dies after sending and before writing that down leaves
it due again: it is sent twice, with the same `webhook-id`, rather than not at all.
"""

import asyncio
import contextlib
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from ssl import SSLContext
from uuid import UUID

import httpx
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend.core.db import webhooks
from backend.core.db.sessions import async_engine
from backend.core.logging import get_logger
from backend.settings import Settings, WebhookSettings
from workers.webhooks.delivery import Delivery, Tried, attempt
from workers.webhooks.target import Resolve, system_addresses

LOOK_EVERY_S = 0.5
AFTER_TROUBLE_S = 2.0
LEASE_MARGIN_S = 15.0
LAST_MOMENT_S = 3.0
JITTER = 0.25
DAY_S = 86_400.0
GONE = "the receiver answered 410: it is gone for good"

log = get_logger(__name__)


class Sender:
    def __init__(
        self,
        engine: AsyncEngine,
        limits: WebhookSettings,
        *,
        resolve: Resolve = system_addresses,
        tls: SSLContext | bool = True,
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._resolve = resolve
        # No connection is kept: one that was made for a name must never serve another at the same address.
        self._client = httpx.AsyncClient(
            verify=tls,
            trust_env=False,
            follow_redirects=False,
            timeout=limits.timeout_s,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._at_work: dict[asyncio.Task[None], UUID] = {}

    async def run(self, is_over: threading.Event) -> None:
        """Send until `is_over`; then give what is on its way a moment to arrive."""
        while not is_over.is_set():
            try:
                await self.look()
            except (SQLAlchemyError, OSError) as error:
                log.warning("webhooks_not_looked_for", error=type(error).__name__)
                await asyncio.sleep(AFTER_TROUBLE_S)
            await self._wait_a_moment()
        await self.finish()

    async def look(self) -> int:
        """Begin what is due, as much as there is room for; return how much that was."""
        room = self._limits.max_at_once - len(self._at_work)
        if room <= 0:
            return 0
        most = self._limits.max_at_once_per_webhook
        busy = [webhook_id for webhook_id, count in Counter(self._at_work.values()).items() if count >= most]
        taken = webhooks.claim_parameters(busy, room, most, self._limits.timeout_s + LEASE_MARGIN_S)
        async with self._engine.begin() as connection:
            rows = (await connection.execute(webhooks.CLAIM_DELIVERIES, taken)).mappings().all()
        for delivery in map(Delivery.of, rows):
            task = asyncio.create_task(self._deliver(delivery))
            self._at_work[task] = delivery.webhook_id
            task.add_done_callback(lambda done: self._at_work.pop(done, None))
        return len(rows)

    async def finish(self) -> None:
        """Wait a moment for what is on its way, and close; what is late then is due again when its lease is over."""
        if self._at_work:
            _, late = await asyncio.wait(self._at_work, timeout=LAST_MOMENT_S)
            for task in late:
                task.cancel()
        await self._client.aclose()

    async def _wait_a_moment(self) -> None:
        """Wait for the next look: sooner when something ended, since there is room again."""
        if self._at_work:
            await asyncio.wait(self._at_work, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(LOOK_EVERY_S)

    async def _deliver(self, delivery: Delivery) -> None:
        tried = await attempt(
            self._client,
            delivery,
            self._resolve,
            timeout_s=self._limits.timeout_s,
            allow_private=self._limits.allow_private_targets,
        )
        log.info(
            "webhook_tried",
            delivery_id=str(delivery.id),
            webhook_id=str(delivery.webhook_id),
            attempt=delivery.attempt,
            status=tried.told.status,
            error=tried.told.error,
            duration_ms=tried.told.duration_ms,
        )
        try:
            async with self._engine.begin() as connection:
                await self._note(connection, delivery, tried)
        except (SQLAlchemyError, OSError) as error:  # it is due again when its lease is over
            log.warning("webhook_try_not_noted", delivery_id=str(delivery.id), error=type(error).__name__)

    async def _note(self, connection: AsyncConnection, delivery: Delivery, tried: Tried) -> None:
        if tried.is_delivered:
            await connection.execute(webhooks.note_delivered(delivery.id, delivery.attempt, tried.record))
            await connection.execute(webhooks.note_webhook_well(delivery.webhook_id))
            return
        again_after_s = None if tried.is_gone else self._pause_s(delivery.attempt, tried.asked_pause_s)
        await connection.execute(webhooks.note_failed(delivery.id, delivery.attempt, tried.record, again_after_s))
        if tried.is_gone:
            await connection.execute(webhooks.disable(delivery.webhook_id, GONE))
            await connection.execute(webhooks.end_pending(delivery.webhook_id))
            return
        failing = webhooks.note_webhook_failing(
            delivery.webhook_id,
            disable_after=self._limits.disable_after_failures,
            disable_after_s=self._limits.disable_after_days * DAY_S,
        )
        is_enabled = (await connection.execute(failing)).scalar_one_or_none()
        if is_enabled is False:
            await connection.execute(webhooks.end_pending(delivery.webhook_id))
            log.warning("webhook_disabled", webhook_id=str(delivery.webhook_id))

    def _pause_s(self, tries: int, asked_s: float) -> float | None:
        """Return the wait before the next try, spread by up to a quarter; None when there is no next."""
        pauses = self._limits.retry_after_s
        if tries > len(pauses):
            return None
        spread = 1 + JITTER * random.random()  # noqa: S311 - keeps tries apart, and no secret
        return max(pauses[tries - 1] * spread, asked_s)


class SenderThread:
    """A sender with a loop and connections of its own, so that no receiver keeps the relay from its duties."""

    def __init__(self, settings: Settings, is_over: threading.Event) -> None:
        self._settings = settings
        self._is_over = is_over
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def require_life(self) -> None:
        """Raise when the thread has ended though it should not have: the process is then started anew."""
        if self._error is not None:
            raise RuntimeError("the sender of webhooks has ended") from self._error

    def join(self) -> None:
        self._thread.join(2 * LAST_MOMENT_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._send())
        except BaseException as error:
            log.exception("webhook_sender_ended")
            self._error = error

    async def _send(self) -> None:
        limits = self._settings.webhooks
        # Names are resolved in threads, and a name server that hangs must not keep other names waiting.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(limits.max_at_once * 2))
        engine = async_engine(self._settings.database, pool_size=2)
        with contextlib.suppress(asyncio.CancelledError):
            await Sender(engine, limits).run(self._is_over)
        await engine.dispose()
