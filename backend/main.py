"""The web process: engine, Redis and use cases are built here, and the routers mounted."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from uuid import UUID

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.api import (
    artifacts,
    batches,
    bulk_jobs,
    catalogue,
    events,
    health,
    job_logs,
    jobs,
    market,
    metrics,
    models,
    queues,
    schedules,
    sentiment,
    signals,
    webhooks,
)
from backend.api.bulk_jobs import BULK_REQUEST
from backend.api.deps import AppState
from backend.api.errors import ProblemDocument, install_error_handlers
from backend.api.job_requests import SUBMIT_BATCH, SUBMIT_JOB
from backend.api.json_body import REFERENCE, install_openapi
from backend.api.middleware import BATCH_PATH, IMPORT_PATH, AccessLog, BodyLimit
from backend.api.schedules import SCHEDULE_BODIES
from backend.api.webhooks import WEBHOOK_BODIES
from backend.core.artifacts import ArtifactStore
from backend.core.db.sessions import async_engine, sync_engine
from backend.core.events import Channel
from backend.core.logging import configure_logging, get_logger
from backend.core.model_shelf import ModelShelf
from backend.core.redis import async_redis
from backend.core.signals import signal_json
from backend.core.user import User
from backend.services.accounts import Authenticator
from backend.services.admission import Admission
from backend.services.announcer import Announcer
from backend.services.batches import Batches
from backend.services.bulk_jobs import BulkJobs
from backend.services.health import Health
from backend.services.instruments import Instruments, Reading
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
from backend.version import VERSION
from backend.websocket import route as websocket_route
from backend.websocket.route import Door
from backend.websocket.session import Parts, Snapshot
from backend.websocket.stream import EventStream
from backend.ws_broadcaster import WsBroadcaster

DESCRIPTION = "Submit typed jobs, wait for exact answers, and hear of every change at `/ws`."
NEWEST_SIGNALS = 200
"""How many signals a new listener is shown; `GET /api/signals` has all."""

log = get_logger(__name__)


class WebSocketGuard:
    """Lets WebSocket sessions ask who somebody is, and what each channel's listeners are shown first."""

    def __init__(self, parts: AppState) -> None:
        self._parts = parts

    async def authenticate(self, token: str) -> User:
        return await self._parts.accounts.user_of(token)

    def snapshots(self) -> Mapping[Channel, Snapshot]:
        return {
            "job_updates": Snapshot("jobs", self._parts.settings.websocket.snapshot_jobs, self._unfinished_jobs),
            "trading_signals": Snapshot("signals", NEWEST_SIGNALS, self._newest_signals),
        }

    async def _unfinished_jobs(self, user_id: UUID | None, limit: int) -> list[str]:
        jobs_ = await self._parts.jobs.unfinished(user_id, limit)
        return [job.model_dump_json(exclude={"user_id"}) for job in jobs_]

    async def _newest_signals(self, user_id: UUID | None, limit: int) -> list[str]:
        return [signal_json(signal) for signal in await self._parts.signals.newest(user_id, limit)]


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; connections are made when it starts, not before."""
    settings = settings or Settings()
    instruments = Instruments()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure_logging(settings, service="api")
        async with AsyncExitStack() as stack:
            await _build(app, settings, instruments, stack)
            log.info("started", version=VERSION)
            yield
        log.info("stopped")

    app = FastAPIOffline(
        title="AITrader",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # asked anew at each request
    )
    larger = {IMPORT_PATH: settings.max_import_bytes, BATCH_PATH: settings.max_batch_body_bytes}
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, larger=larger)
    if settings.cors_origins:
        _admit(app, settings.cors_origins)
    app.add_middleware(AccessLog, instruments=instruments)
    install_error_handlers(app)
    modules = (jobs, health, artifacts, catalogue, market, models, sentiment, signals, websocket_route, queues)
    for module in (bulk_jobs, batches, *modules, job_logs, metrics):  # first, since `bulk` is no job's id
        app.include_router(module.router)
    for module in (schedules, webhooks, events):
        app.include_router(module.router)
    problem_schema = ProblemDocument.model_json_schema(ref_template=REFERENCE)
    bodies = [SUBMIT_JOB, SUBMIT_BATCH, BULK_REQUEST, *SCHEDULE_BODIES, *WEBHOOK_BODIES]
    install_openapi(app, bodies, {**problem_schema.pop("$defs", {}), "ProblemDocument": problem_schema})
    return app


def _admit(app: FastAPI, origins: Sequence[str]) -> None:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=[
            *("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Prefer"),
            "X-Request-ID",
        ],
        expose_headers=["ETag", "Location", "Link", "Preference-Applied", "Retry-After", "X-Request-ID"],
    )


async def _build(app: FastAPI, settings: Settings, instruments: Instruments, stack: AsyncExitStack) -> None:
    """Make everything that lives as long as the process serves, in order; `stack` ends it in reverse."""
    engine = async_engine(settings.database)
    stack.push_async_callback(engine.dispose)
    import_engine = sync_engine(settings.database)
    stack.callback(import_engine.dispose)
    redis = async_redis(settings.redis)
    stack.push_async_callback(redis.aclose)
    announcer = Announcer(engine, redis)
    announcer.start()
    stack.push_async_callback(announcer.stop)
    broadcaster = WsBroadcaster(redis)
    broadcaster.start()
    stack.push_async_callback(broadcaster.stop)
    accounts = Authenticator(engine)
    stack.push_async_callback(accounts.close)
    admission = Admission(engine, settings.jobs)
    jobs_ = Jobs(engine, announcer, admission, settings.jobs)
    stack.push_async_callback(jobs_.close)
    parts = AppState(
        settings=settings,
        engine=engine,
        import_engine=import_engine,
        redis=redis,
        accounts=accounts,
        admission=admission,
        jobs=jobs_,
        bulk_jobs=BulkJobs(engine, announcer, admission, settings.jobs),
        queues=Queues(engine, redis),
        schedules=Schedules(engine, jobs_, settings.jobs),
        webhooks=Webhooks(engine, settings.webhooks),
        market=Market(engine),
        models=Models(engine, ModelShelf(settings.artifacts)),
        signals=Signals(engine),
        sentiment=Sentiment(engine),
        health=Health(engine, redis, settings),
        artifacts=ArtifactStore(settings.artifacts),
        metrics=Metrics(engine, redis, instruments),
        batches=Batches(engine, announcer, admission, settings.jobs),
        listen=broadcaster.listen,
    )
    app.state.parts = parts
    guard = WebSocketGuard(parts)
    ws_parts = Parts(broadcaster, guard, redis, settings.websocket, guard.snapshots())
    app.state.door = door = Door(ws_parts, settings.cors_origins)
    app.state.event_stream = partial(EventStream, door)
    _watch(instruments, door, announcer, engine)


def _watch(instruments: Instruments, door: Door, announcer: Announcer, engine: AsyncEngine) -> None:
    pool, tally = engine.pool, door.parts.tally
    assert isinstance(pool, QueuePool)
    instruments.watch(
        Reading(
            ws_connections=lambda: door.open_count,
            ws_lag_s=lambda: tally.lag_s,
            ws_conflated=lambda: tally.conflated,
            ws_overflowed=lambda: tally.overflowed,
            publish_failures=lambda: announcer.failures,
            pool=pool,
        )
    )


app = create_app()
