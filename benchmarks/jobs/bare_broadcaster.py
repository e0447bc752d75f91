"""The least that fans out: Redis pub/sub to every open socket, in a loop. No accounts, cursors, queues or limits.

One client that does not read stops it for all. It is the upper bound that the product's broadcaster is held against.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

CHANNEL = "bare"
sockets: set[WebSocket] = set()


async def websocket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("{}")
    sockets.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        pass
    finally:
        sockets.discard(socket)


async def broadcast() -> None:
    async with redis.asyncio.Redis.from_url(os.environ["REDIS_URL"]) as client, client.pubsub() as pubsub:
        await pubsub.subscribe(CHANNEL)
        async for message in pubsub.listen():
            if message["type"] == "message":
                text = message["data"].decode()
                for socket in tuple(sockets):
                    await socket.send_text(text)


async def ready(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    broadcasting = asyncio.create_task(broadcast())
    yield
    broadcasting.cancel()


app = Starlette(routes=[Route("/readyz", ready), WebSocketRoute("/ws", websocket)], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        access_log=False,
        log_level="warning",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
    )
