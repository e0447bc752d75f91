"""Errors as RFC 9457 problem documents. HTTP numbers are chosen here and nowhere else."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from backend.core import errors
from backend.core.errors import AppError, Invalid, Problem, Unavailable
from backend.core.logging import get_logger
from market_data.errors import DomainError

STATUS: dict[type[Exception], int] = {
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Invalid: 422,
    errors.TooManyUnfinished: 429,
    errors.TooManyConnections: 429,
    errors.Unavailable: 503,
}
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid request",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}
CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}
MEDIA_TYPE = "application/problem+json"

log = get_logger(__name__)


class WrongPlace(BaseModel):
    path: str
    message: str


class ProblemDocument(BaseModel):
    """What every error answer looks like (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    errors: list[WrongPlace] | None = None


def problem(status: int, code: str, detail: str, instance: str, problems: Sequence[Problem] = ()) -> JSONResponse:
    """Return one problem document as a response."""
    document = ProblemDocument(
        type=f"urn:aitrader:problem:{code}",
        title=TITLES.get(status, "Error"),
        status=status,
        detail=detail,
        code=code,
        instance=instance,
        errors=[WrongPlace(path=p.path, message=p.message) for p in problems] or None,
    )
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}  # noqa: PLR2004 - HTTP's own number
    headers |= {"Retry-After": str(Unavailable.retry_after_s)} if status == 503 else {}  # noqa: PLR2004 - the same
    return JSONResponse(document.model_dump(exclude_none=True), status, headers=headers, media_type=MEDIA_TYPE)


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(SQLAlchemyError, _database_error)
    app.add_exception_handler(RedisError, _redis_error)
    app.add_exception_handler(Exception, _bug)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:  # Any: an OpenAPI response object
    """Return the error answers of a route, for its OpenAPI document; any may find a part of ours unavailable."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {status: {"description": TITLES[status], "content": content} for status in (*statuses, 503)}


async def _app_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AppError)
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    problems = error.problems if isinstance(error, Invalid) else ()
    answer = problem(status, error.code, str(error), request.url.path, problems)
    if error.retry_after_s is not None:
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


async def _domain_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DomainError)
    return problem(422, error.code, str(error), request.url.path)


async def _invalid_parameters(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [Problem(".".join(str(part) for part in e["loc"]), e["msg"]) for e in error.errors()]
    told = "; ".join(f"{p.path}: {p.message}" for p in problems)
    return problem(422, Invalid.code, told, request.url.path, problems)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = CODES.get(error.status_code, "http_error")
    answer = problem(error.status_code, code, str(error.detail), request.url.path)
    answer.headers.update(error.headers or {})
    if error.status_code == 405:  # noqa: PLR2004 - HTTP's own number
        answer.headers["Allow"] = ", ".join(_methods_at(request))
    return answer


def _methods_at(request: Request) -> list[str]:
    """Return what may be asked at a path; the router only tells the methods of the first route that it found."""
    routes = [route for route in _flat(request.app.routes) if route.matches(request.scope)[0] != Match.NONE]
    return sorted({method for route in routes for method in getattr(route, "methods", None) or ()})


def _flat(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from _flat(included.routes)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    is_connection_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if isinstance(error, OperationalError | PoolTimeout) or is_connection_lost:
        log.warning("database_unavailable", path=request.url.path, error=type(error).__name__)
        return problem(503, "database_unavailable", "the database does not answer; try again", request.url.path)
    return await _bug(request, error)


async def _redis_error(request: Request, error: Exception) -> JSONResponse:
    log.warning("redis_unavailable", path=request.url.path, error=type(error).__name__)
    return problem(503, "redis_unavailable", "Redis does not answer; try again", request.url.path)


async def _bug(request: Request, error: Exception) -> JSONResponse:
    log.error("unhandled_error", path=request.url.path, exc_info=error)
    return problem(500, "internal_error", "this is our fault; the log has the details", request.url.path)
