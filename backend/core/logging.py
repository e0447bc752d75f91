"""Structured logs: an event name and fields, one JSON object a line (or colours, when debugging)."""

import logging
import sys

import structlog


def configure_logging(*, level: str, debug: bool, service: str) -> None:
    """Send this process's structlog and standard-library logs to stderr in one format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.dev.ConsoleRenderer() if debug else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    # It logs the whole address of each WebSocket, and somebody may have put a token there by mistake.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    _silence_uvicorn_access()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel("DEBUG" if debug else level)
    structlog.contextvars.bind_contextvars(service=service)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of one module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def _silence_uvicorn_access() -> None:
    """Leave uvicorn's access log without a handler: it writes whole addresses, and ours (without queries) replaces it.

    Only `uvicorn backend.main:app` has it; each connection asks when it opens whether anybody handles it.
    """
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False
