"""Doorbells: Celery messages that say "there is work in this queue". The Postgres row is the truth.

The messages are written in Celery's wire format (protocol 2 inside kombu's Redis envelope) rather than through
Celery: building one costs a microsecond instead of a third of a millisecond, the web process never imports
Celery, and how long a publish may hang is ours to bound (docs/adr/0002).
"""

import base64
import json
from collections.abc import Iterable, Mapping
from uuid import UUID, uuid4

from backend.core.jobs.registry import JOB_TYPES, QUEUES

RING_TASK = "jobs.run_next"
_TYPES: Mapping[str, str] = {
    queue: "|".join(spec.job_type for spec in JOB_TYPES.values() if spec.queue == queue) for queue in QUEUES
}


def doorbells(rung: Iterable[tuple[str, UUID | None]], *, at_most: Mapping[str, int]) -> Mapping[str, list[str]]:
    """Return the messages to push, some for each queue; each names the job that rang as a hint for operators."""
    by_queue: dict[str, list[str]] = {}
    for queue, job_id in rung:
        messages = by_queue.setdefault(queue, [])
        if len(messages) < at_most[queue]:
            messages.append(_message(queue, job_id))
    return by_queue


def _message(queue: str, job_id: UUID | None) -> str:
    task_id = str(uuid4())
    hint = None if job_id is None else str(job_id)
    body = [[queue, hint], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    return json.dumps(
        {
            "body": base64.b64encode(json.dumps(body).encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": RING_TASK,
                "id": task_id,
                "root_id": task_id,
                "parent_id": None,
                "group": None,
                "retries": 0,
                "timelimit": [None, None],
                "argsrepr": repr((queue, hint)),
                # What Flower shows. The type is told by the queue: most have one.
                "kwargsrepr": repr({"type": _TYPES.get(queue, queue), "queue": queue, "job": hint}),
                "origin": "aitrader",
                "ignore_result": True,
            },
            "properties": {
                "correlation_id": task_id,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": task_id,
            },
        }
    )
