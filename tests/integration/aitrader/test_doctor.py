"""What `aitrader doctor` finds: each part, a job through all of them with timings, and what is wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from aitrader.doctor.findings import Patient
from aitrader.doctor.stores import artifacts, postgres
from aitrader.doctor.stores import redis as look_at_redis
from tests.platform import Platform, running_servers


def examined(aitrader: Callable[..., object], **changes: str) -> tuple[int, dict[str, dict[str, object]]]:
    answer = aitrader("doctor", "--json", **changes)
    told = json.loads(answer.stdout)
    checks = {check["name"]: check for check in told["checks"]}
    assert told["is_ok"] == (answer.returncode == 0)
    return answer.returncode, checks


def test_every_part_is_well_and_the_probe_says_how_long_each_step_took(aitrader, platform: Platform) -> None:
    servers = {"DATABASE_URL": platform.database_url, "REDIS_URL": platform.redis_url}
    code, checks = examined(aitrader, **servers, ARTIFACTS_URL=f"file://{platform.data_dir}/artifacts")
    assert code == 0, checks
    well = {"postgres", "redis", "artifacts", "api", "workers", "relay", "models", "probe job"}
    assert {name for name, check in checks.items() if check["outcome"] == "ok"} >= well
    timings = checks["probe job"]["timings_ms"]
    assert set(timings) == {"subscribe", "submit", "push", "result"}
    assert 0 < timings["submit"] <= timings["push"] <= timings["result"]
    assert "noeviction" in checks["redis"]["detail"]
    assert list((platform.data_dir / "artifacts").glob("*/trial")) == []


def test_probe_by_somebody_who_may_not_is_a_failure_that_says_so(aitrader, platform: Platform) -> None:
    code, checks = examined(aitrader, AITRADER_TOKEN=platform.token("mere-user"))
    assert code == 1
    assert checks["probe job"]["outcome"] == "failed"
    assert "admin" in str(checks["probe job"]["advice"])


@pytest.fixture
def patient(scratch_platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Patient:
    monkeypatch.setenv("DATABASE_URL", scratch_platform.database_url)
    monkeypatch.setenv("REDIS_URL", scratch_platform.redis_url)
    return Patient(tmp_path)


def test_postgres_that_may_forget_what_it_acknowledged_is_a_failure(
    scratch_platform: Platform, patient: Patient
) -> None:
    assert postgres(patient).outcome == "ok"
    with psycopg.connect(scratch_platform.database_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET synchronous_commit = off')
    found = postgres(patient)
    assert found.outcome == "failed"
    assert "synchronous_commit is off" in found.detail
    assert "restart" in str(found.advice)


def test_postgres_with_another_schema_is_a_failure(scratch_platform: Platform, patient: Patient) -> None:
    scratch_platform.rows("UPDATE alembic_version SET version_num = '0001'")
    assert postgres(patient).advice == "run `aitrader migrate`"


def test_redis_that_evicts_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_servers(tmp_path / "servers") as own, redis.Redis.from_url(own.redis_url) as server:
        monkeypatch.setenv("REDIS_URL", own.redis_url)
        assert look_at_redis(Patient(tmp_path)).outcome == "ok"
        server.config_set("maxmemory", "100mb")
        server.config_set("maxmemory-policy", "allkeys-lru")
        found = look_at_redis(Patient(tmp_path))
        assert (found.outcome, found.advice) == ("failed", "set maxmemory-policy noeviction")


def test_store_that_cannot_be_written_is_a_failure(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTIFACTS_URL", "file:///dev/null/artifacts")
    found = artifacts(patient)
    assert found.outcome == "failed"
    assert "/dev/null/artifacts" in found.detail
