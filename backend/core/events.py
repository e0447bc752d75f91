"""Events: what is announced when something changed, to whom, and in which order.

A topic is what one listener hears of a channel: a user's own (`job_updates:<user id>`), or everybody's for admins
(`job_updates:all`). Each topic counts its messages; a cursor `epoch:sequence` is a place in that count.
The epoch is drawn when a topic's history begins, so that a cursor from before a lost Redis is recognised.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Self, get_args
from uuid import UUID

from backend.core.jobs.batch import BatchSummary
from backend.core.jobs.job import JobSummary

Channel = Literal["job_updates", "trading_signals"]
CURSOR = re.compile(r"[0-9a-f]{1,32}:[0-9]{1,18}")
CHANNELS: tuple[Channel, ...] = get_args(Channel)


class Kind(StrEnum):
    """How a slow listener's queue may treat a message."""

    PROGRESS = "progress"  # a newer message about the same thing replaces it
    STATE = "state"  # kept in order
    FINAL = "final"  # kept in order, and never dropped


@dataclass(frozen=True)
class Topic:
    channel: Channel
    user_id: UUID | None
    """None: all users' (for admins)."""

    @property
    def name(self) -> str:
        return f"{self.channel}:{'all' if self.user_id is None else self.user_id}"


@dataclass(frozen=True)
class Cursor:
    epoch: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cursor that a client sent back; ValueError when it never was one."""
        if CURSOR.fullmatch(text) is None:
            raise ValueError("a cursor looks like '3f9c2a:41', as an earlier message gave it")
        epoch, _, sequence = text.partition(":")
        return cls(epoch, int(sequence))


@dataclass(frozen=True)
class Event:
    """One change, ready to be sent: `data` is JSON and is never parsed again on its way to the clients."""

    topics: tuple[Topic, ...]
    key: str
    kind: Kind
    data: str


@dataclass(frozen=True)
class Message:
    """An event as one topic's listeners get it."""

    cursor: Cursor
    key: str
    kind: Kind
    data: str
    words: dict[str, str] = field(default_factory=dict, init=False, compare=False, repr=False)
    """How it is told on each channel: put into words by the first listener's turn, and the same for all others."""

    @classmethod
    def from_wire(cls, cursor: str, body: str) -> Self:
        key, kind, data = body.split("\n", 2)
        return cls(Cursor.parse(cursor), key, Kind(kind), data)


def to_wire(event: Event) -> str:
    """Return the body that Redis carries: key, kind and JSON, a line each."""
    return f"{event.key}\n{event.kind}\n{event.data}"


def job_changed(job: JobSummary, *, progress_only: bool = False) -> Event:
    """Return the event that tells a job's owner, and the admins who watch all, how the job is now."""
    kind = Kind.FINAL if job.is_terminal else Kind.PROGRESS if progress_only else Kind.STATE
    summary = job if type(job) is JobSummary else JobSummary.model_validate(job, from_attributes=True)
    data = summary.model_dump_json(exclude={"user_id"})
    return Event((Topic("job_updates", job.user_id), Topic("job_updates", None)), str(job.id), kind, data)


def batch_key(batch_id: UUID) -> str:
    """Return what events about a batch are known by; a job's are known by its bare id."""
    return f"batch:{batch_id}"


def batch_finished(batch: BatchSummary) -> Event:
    """Return the event that tells a batch's owner, and the admins who watch all, that its last job has ended."""
    data = f'{{"batch":{batch.model_dump_json(exclude={"user_id"})}}}'
    topics = (Topic("job_updates", batch.user_id), Topic("job_updates", None))
    return Event(topics, batch_key(batch.id), Kind.FINAL, data)
