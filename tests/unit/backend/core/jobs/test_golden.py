"""Records as they were once written: what the database holds must be read, and mean the same, ever after."""

import json
from pathlib import Path
from typing import Any

import pytest

from backend.core.jobs.registry import JOB_TYPES, JobSpec

GOLDEN = Path(__file__).parents[4] / "golden"


@pytest.mark.parametrize("spec", JOB_TYPES.values(), ids=lambda spec: spec.job_type)
@pytest.mark.parametrize("part", ["payload", "result"])
def test_record_of_once_is_read_and_says_what_it_said(spec: JobSpec, part: str) -> None:
    text = (GOLDEN / f"{spec.job_type}.{part}.json").read_text(encoding="utf-8")
    contract = spec.payload if part == "payload" else spec.result
    record = contract.model_validate_json(text)
    assert _says_all_of(json.loads(record.model_dump_json()), json.loads(text))


def test_every_record_is_of_a_job_type_there_is() -> None:
    expected = {f"{job_type}.{part}.json" for job_type in JOB_TYPES for part in ("payload", "result")}
    assert {path.name for path in GOLDEN.iterdir()} == expected


def _says_all_of(now: Any, once: Any) -> bool:
    """Tell whether a record is what it was, but for fields that came later."""
    if isinstance(once, dict):
        return all(name in now and _says_all_of(now[name], value) for name, value in once.items())
    if isinstance(once, list):
        return len(now) == len(once) and all(map(_says_all_of, now, once))
    return bool(now == once)
