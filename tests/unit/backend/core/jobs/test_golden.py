"""Records as they were once written: what the database holds must be read, and mean the same, ever after."""

import json
from pathlib import Path

import pytest

from backend.core.jobs.registry import JOB_TYPES, JobSpec

GOLDEN = Path(__file__).parents[4] / "golden"


@pytest.mark.parametrize("spec", JOB_TYPES.values(), ids=lambda spec: spec.job_type)
@pytest.mark.parametrize("part", ["payload", "result"])
def test_record_of_once_is_read_and_written_unchanged(spec: JobSpec, part: str) -> None:
    text = (GOLDEN / f"{spec.job_type}.{part}.json").read_text(encoding="utf-8")
    contract = spec.payload if part == "payload" else spec.result
    record = contract.model_validate_json(text)
    assert json.loads(record.model_dump_json()) == json.loads(text)


def test_every_record_is_of_a_job_type_there_is() -> None:
    expected = {f"{job_type}.{part}.json" for job_type in JOB_TYPES for part in ("payload", "result")}
    assert {path.name for path in GOLDEN.iterdir()} == expected
