"""Structured logs: an event name and fields, one JSON object a line (or colours, when debugging).

Whatever a process logs passes through `Redactor` first. A worker may put a `Listener` beside the log: it is told of
each of our own lines as well, and so a job's lines find their way to whoever started the job.
"""

import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import structlog

from backend.core.redaction import Redactor, secrets_of
from backend.settings import Settings

Listener = Callable[[Mapping[str, Any]], None]  # Any: whatever somebody logged, by the name of its field
JOB_LOGGER = "aitrader.job"
PLAIN = frozenset({"level", "timestamp", "service", "job_id", "request_id", "attempt", "state", "method", "status"})
"""Fields of the most frequent lines that can hold no secret."""


class _Ear:
    """Where the listener of this process is, if there is one. A worker's child runs one job at a time."""

    listener: Listener | None = None


def configure_logging(settings: Settings, *, service: str) -> None:
    """Send this process's structlog and standard-library logs to stderr in one format."""
    ours: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _naming(service),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redacting(Redactor(secrets_of(settings))),
    ]
    renderer = structlog.dev.ConsoleRenderer() if settings.debug else structlog.processors.JSONRenderer()
    level = logging.DEBUG if settings.debug else logging.getLevelNamesMapping()[settings.log_level]
    # Our own lines, one a request and one a job, go straight out: by way of the standard library they cost twice that.
    structlog.configure(
        processors=[_wanted_from(level), *ours, _overheard, _loud_from(level), renderer],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(min(level, logging.INFO)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=ours,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    # It logs the whole address of each WebSocket, and somebody may have put a token there by mistake.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    _silence_uvicorn_access()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of one module."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return logger


def listen(listener: Listener | None) -> None:
    """Let somebody hear every line that this process logs from now on (None: nobody)."""
    _Ear.listener = listener


def _naming(service: str) -> structlog.typing.Processor:
    """Return what puts the service into each line: not a context variable, which other threads and requests lack."""

    def name(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # Any: structlog's own
        line["service"] = service
        return line

    return name


def _wanted_from(level: int) -> structlog.typing.Processor:
    """Return what drops lines that are not loud enough for the log, where nobody else listens."""
    drop_quiet = _loud_from(level)

    def wanted(
        logger: Any, method: str, line: MutableMapping[str, Any]
    ) -> structlog.typing.ProcessorReturnValue:  # Any: structlog's own
        return line if _Ear.listener is not None else drop_quiet(logger, method, line)

    return wanted


def _loud_from(level: int) -> structlog.typing.Processor:
    """Return what drops lines under a level."""

    def loud(_: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # Any: structlog's own
        if structlog.processors.NAME_TO_LEVEL[method] < level:
            raise structlog.DropEvent
        return line

    return loud


def _overheard(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # Any: structlog's own
    if _Ear.listener is not None:
        _Ear.listener(line)
    return line


def _redacting(redactor: Redactor) -> structlog.typing.Processor:
    def redact(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # Any: structlog's own
        for name, value in line.items():
            if name not in PLAIN and not name.startswith("_"):
                line[name] = redactor.field(name, value)
        return line

    return redact


def _silence_uvicorn_access() -> None:
    """Leave uvicorn's access log without a handler: it writes whole addresses, and ours (without queries) replaces it.

    Only `uvicorn backend.main:app` has it; each connection asks when it opens whether anybody handles it.
    """
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False
