"""`/health` and its parts, and the probes of an orchestrator. No token is asked for."""

import time
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from backend.api.deps import State
from backend.services.health import Finding
from backend.version import VERSION

STARTED = time.monotonic()

MAY_BE_DOWN: dict[int | str, dict[str, Any]] = {  # Any: an OpenAPI response object
    503: {"description": "Something that is needed is down; the body says what", "content": {"application/json": {}}}
}

router = APIRouter(tags=["health"])


class About(BaseModel):
    name: str = "AITrader"
    status: str = "ok"
    version: str = VERSION
    uptime_s: float
    docs: str = "/docs"


@router.get("/", operation_id="root")
@router.get("/health", operation_id="health")
async def about() -> About:
    """Say who answers, and for how long already."""
    return About(uptime_s=round(time.monotonic() - STARTED, 3))


@router.get("/livez", operation_id="livez")
async def livez() -> dict[str, str]:
    """Answer as long as the process can; no other part is asked."""
    return {"status": "ok"}


@router.get("/readyz", operation_id="readyz", responses=MAY_BE_DOWN)
async def readyz(state: State, response: Response) -> dict[str, Any]:  # Any: JSON
    """Answer 200 when jobs can be accepted: Postgres is there, with the right schema, and so is Redis."""
    findings = {"db": await state.health.database(), "redis": await state.health.redis()}
    return _told(findings, response)


@router.get("/health/db", operation_id="health_db", responses=MAY_BE_DOWN)
async def health_db(state: State, response: Response) -> dict[str, Any]:  # Any: JSON
    finding = await state.health.database()
    return _plain(finding, response)


@router.get("/health/redis", operation_id="health_redis", responses=MAY_BE_DOWN)
async def health_redis(state: State, response: Response) -> dict[str, Any]:  # Any: JSON
    finding = await state.health.redis()
    return _plain(finding, response)


@router.get("/health/services", operation_id="health_services", responses=MAY_BE_DOWN)
async def health_services(state: State, response: Response) -> dict[str, Any]:  # Any: JSON
    """Tell of workers (by queue), relay, Flower and data providers; 503 when jobs would not run."""
    needed = {"workers": await state.health.workers(), "relay": await state.health.relay()}
    told = _told(needed, response)
    others = {"flower": await state.health.flower(), "providers": await state.health.providers()}
    return told | {name: _fields(finding) for name, finding in others.items()}


def _told(findings: dict[str, Finding], response: Response) -> dict[str, Any]:  # Any: JSON
    is_ok = all(finding.is_ok for finding in findings.values())
    response.status_code = 200 if is_ok else 503
    return {"status": "ok" if is_ok else "down"} | {name: _fields(f) for name, f in findings.items()}


def _plain(finding: Finding, response: Response) -> dict[str, Any]:  # Any: JSON
    response.status_code = 200 if finding.is_ok else 503
    return _fields(finding)


def _fields(finding: Finding) -> dict[str, Any]:  # Any: JSON
    detail = {} if finding.detail is None else {"detail": finding.detail}
    return {"status": finding.status} | detail | finding.fields
