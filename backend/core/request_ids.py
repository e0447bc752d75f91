"""The id of the request that a line of a log, or a job, comes from: given by the caller, or drawn here."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import structlog

HEADER = "X-Request-ID"
VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")


def request_id_of(header: str | None) -> str:
    """Return the id that a caller gave, when it is one that is safe to keep and to show; else a new one."""
    return header if header is not None and VALID.fullmatch(header) else uuid4().hex


def current_request_id() -> str | None:
    """Return the id of the request that is being served, or that the running job came with."""
    found = structlog.contextvars.get_contextvars().get("request_id")
    return None if found is None else str(found)


@contextmanager
def serving(request_id: str) -> Iterator[None]:
    """Bind an id to whatever is logged and submitted meanwhile."""
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        yield
