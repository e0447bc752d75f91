"""The words of `/ws`: what a client may say, what it is answered, and why a connection is closed.

-> {"id": 1, "op": "auth", "token": "ait_..."}         unless the upgrade had an Authorization header
<- {"id": 1, "ok": true}
-> {"id": 2, "op": "subscribe", "ch": "job_updates"}   and perhaps "cursor", or "all" for admins
<- {"id": 2, "ok": true, "cursor": "3f9c2a:41"}        and "recovered" when a cursor was given
<- {"ch": "job_updates", "type": "snapshot", "cursor": "3f9c2a:41", "is_complete": true, "data": {"jobs": [...]}}
<- {"ch": "job_updates", "type": "update", "cursor": "3f9c2a:42", "data": {...}}
   (a snapshot between updates: messages were lost for good, and this is how things are now)
-> {"id": 3, "op": "unsubscribe", "ch": "job_updates"}
-> {"id": 4, "op": "ping"}
<- {"id": 5, "ok": false, "error": {"code": "...", "message": "..."}}
"""

import json
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from backend.core.events import Message

RequestId = Annotated[int, Field(ge=0, le=2**53)] | Annotated[str, Field(max_length=64)]


class CloseCode(IntEnum):
    """44xx: coming back as before will not help. 45xx: come back, and resume from the last cursor."""

    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    AUTH_TIMEOUT = 4408
    TOO_MANY_MESSAGES = 4429
    TOO_MANY_CONNECTIONS = 4430
    UNAVAILABLE = 4503
    TOO_SLOW = 4508
    TOO_BIG = 1009


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: RequestId | None = None


class Authenticate(_Request):
    op: Literal["auth"]
    token: Annotated[str, Field(max_length=512)]


class Subscribe(_Request):
    op: Literal["subscribe"]
    ch: Annotated[str, Field(max_length=64)]
    cursor: Annotated[str | None, Field(max_length=64)] = None
    all: bool = False


class Unsubscribe(_Request):
    op: Literal["unsubscribe"]
    ch: Annotated[str, Field(max_length=64)]


class Ping(_Request):
    op: Literal["ping"]


Request = Authenticate | Subscribe | Unsubscribe | Ping
HEAD = re.compile(r'{"ch": ?"(\w+)", ?"type": ?"(\w+)", ?"cursor": ?"([0-9a-f]+:\d+)"')
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="op")])


@dataclass(frozen=True)
class Head:
    """What a message of a channel is, without reading what it carries."""

    channel: str
    type: str
    cursor: str


def head_of(text: str) -> Head | None:
    """Return the head of a snapshot or update; None for an answer."""
    found = HEAD.match(text)
    return None if found is None else Head(*found.groups())


def accepted(request_id: int | str | None, **fields: str | bool) -> str:
    return json.dumps({"id": request_id, "ok": True, **fields})


def refused(request_id: int | str | None, code: str, message: str) -> str:
    return json.dumps({"id": request_id, "ok": False, "error": {"code": code, "message": message}})


def snapshot(channel: str, cursor: str, name: str, items: list[str], *, is_complete: bool) -> str:
    """Return a snapshot: items that are JSON already, under their name."""
    head = json.dumps({"ch": channel, "type": "snapshot", "cursor": cursor, "is_complete": is_complete})
    return f'{head[:-1]}, "data": {{"{name}": [{",".join(items)}]}}}}'


def update(channel: str, message: Message) -> str:
    """Return an update around data that is JSON already: one text, however many clients it is sent to."""
    text = message.words.get(channel)
    if text is None:
        text = f'{{"ch":"{channel}","type":"update","cursor":"{message.cursor}","data":{message.data}}}'
        message.words[channel] = text
    return text
