"""The containers' health check, run as containers run it, against real parts."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.platform import Platform, free_port

SCRIPT = Path(__file__).parents[3] / "deploy" / "healthcheck.py"


def check(platform: Platform, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env=platform.environment | {"PYTHONSAFEPATH": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_parts_that_run_are_well(platform: Platform) -> None:
    port = platform.url.rpartition(":")[2]
    results = [check(platform, "api", PORT=port), check(platform, "worker"), check(platform, "relay")]
    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * 3


def test_api_that_is_not_there_is_reported(platform: Platform) -> None:
    result = check(platform, "api", PORT=str(free_port()))
    assert (result.returncode, "does not answer" in result.stderr) == (1, True)


@pytest.mark.parametrize("part", ["worker", "relay"])
def test_sign_of_life_is_missed_where_nobody_gives_one(platform: Platform, part: str) -> None:
    unused_number = platform.redis_url.rpartition("/")[0] + "/0"  # no installation of these tests has number 0
    result = check(platform, part, REDIS_URL=unused_number)
    assert (result.returncode, "no sign of life" in result.stderr) == (1, True)


def test_redis_that_is_away_is_reported(platform: Platform) -> None:
    result = check(platform, "worker", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert (result.returncode, "does not answer" in result.stderr) == (1, True)


def test_unknown_part_is_a_usage_error(platform: Platform) -> None:
    result = check(platform, "beat")
    assert (result.returncode, "expected one of api, worker, relay, flower" in result.stderr) == (2, True)
