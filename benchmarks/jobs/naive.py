"""The reference: what a competent user builds from FastAPI, SQLAlchemy, Celery and Redis in an afternoon.

INSERT, `delay()`, and a WebSocket behind Redis pub/sub; the worker is in `naive_tasks`. It has connection pools,
uvloop, httptools and no per-message compression. It has no accounts, leases, retries, fairness, cancel or resuming.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import redis.asyncio
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from benchmarks.jobs.naive_tasks import CHANNEL, DATABASE_URL, REDIS_URL, Base, Job, run_job

engine = create_async_engine(DATABASE_URL, pool_size=20, max_overflow=20)
sessions = async_sessionmaker(engine, expire_on_commit=False)
sockets: set[WebSocket] = set()


class NewJob(BaseModel):
    job_type: str
    payload: dict[str, object]


class JobView(BaseModel):
    id: UUID
    job_type: str
    state: str
    created_at: datetime


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    broadcasting = asyncio.create_task(broadcast())
    yield
    broadcasting.cancel()
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.post("/jobs", status_code=202)
async def submit(wanted: NewJob) -> JobView:
    job = Job(job_type=wanted.job_type, payload=wanted.payload)
    async with sessions() as session:
        session.add(job)
        await session.commit()
    run_job.delay(str(job.id))
    return JobView.model_validate(job, from_attributes=True)


@app.websocket("/ws")
async def websocket(socket: WebSocket) -> None:
    await socket.accept()
    sockets.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        pass
    finally:
        sockets.discard(socket)


async def broadcast() -> None:
    async with redis.asyncio.Redis.from_url(REDIS_URL) as client, client.pubsub() as pubsub:
        await pubsub.subscribe(CHANNEL)
        async for message in pubsub.listen():
            if message["type"] == "message":
                text = message["data"].decode()
                await asyncio.gather(*(socket.send_text(text) for socket in sockets), return_exceptions=True)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        ws_per_message_deflate=False,
    )
