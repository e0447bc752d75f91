"""`GET /catalogue`: what can be asked for, with JSON Schemas that forms are made from."""

from dataclasses import asdict
from functools import lru_cache
from typing import Any

from fastapi import APIRouter
from pydantic import TypeAdapter

from backend.api.deps import CurrentUser
from backend.api.errors import documented
from backend.core.jobs.registry import JOB_TYPES
from pattern_engine import PATTERNS
from strategy_engine import STRATEGIES

router = APIRouter(tags=["catalogue"])


@router.get("/catalogue", operation_id="get_catalogue", responses=documented(401))
async def catalogue(user: CurrentUser) -> dict[str, Any]:  # Any: JSON
    """List job types, strategies and patterns, each with its parameters' schema."""
    del user  # asked for so that a token is needed
    return _catalogue()


@lru_cache(maxsize=1)
def _catalogue() -> dict[str, Any]:  # Any: JSON
    return {
        "job_types": [
            {
                "job_type": spec.job_type,
                "title": spec.title,
                "queue": spec.queue,
                "roles": sorted(spec.roles),
                "max_attempts": spec.max_attempts,
                "soft_limit_s": spec.soft_limit_s,
                "hard_limit_s": spec.hard_limit_s,
                "payload_schema": spec.payload.model_json_schema(),
                "result_schema": spec.result.model_json_schema(),
            }
            for spec in JOB_TYPES.values()
        ],
        "strategies": [
            {"kind": kind, "description": strategy.__doc__, "schema": TypeAdapter(strategy).json_schema()}
            for kind, strategy in STRATEGIES.items()
        ],
        "patterns": [asdict(pattern) for pattern in PATTERNS.values()],
    }
