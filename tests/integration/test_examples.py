"""Every example runs as it stands: a newcomer's first minutes must not fail."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.platform import Platform, clean_environment

EXAMPLES = Path(__file__).parents[2] / "examples"
EXPECTED = {
    "backtest_from_a_notebook.py": ["succeeded", "final equity 88,044.89", "entry_time"],
    "enqueue_from_code.py": ["-"],
    "receive_webhooks.py": ["job.succeeded True pattern_scan"],
    "scan_patterns.py": ["bearish", "AAPL"],
    "watch_jobs.py": ["hanging up on purpose", "came back, recovered: True", "succeeded 100%"],
}


@pytest.fixture(scope="module")
def environment(platform: Platform) -> dict[str, str]:
    """What an example's user has: the address of an installation, or its data folder."""
    return clean_environment(
        AITRADER_URL=platform.url,
        AITRADER_TOKEN=platform.token("admin", "admin"),
        AITRADER_DATA_DIR=str(platform.data_dir),
        DATABASE_URL=platform.database_url,
        REDIS_URL=platform.redis_url,
    )


def test_each_example_is_tried_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*EXPECTED, "engine_alone.py"}


@pytest.mark.parametrize("name", EXPECTED)
def test_example_runs_and_prints_what_it_promises(environment, name):
    answer = subprocess.run(
        [sys.executable, str(EXAMPLES / name)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    for text in EXPECTED[name]:
        assert text in answer.stdout


def test_engine_alone_needs_no_installation(tmp_path):
    alone = clean_environment(AITRADER_DATA_DIR=str(tmp_path / "nothing"))
    run = [sys.executable, str(EXAMPLES / "engine_alone.py")]
    answer = subprocess.run(run, env=alone, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "MSFT: 3270 daily bars" in answer.stdout
    assert list(tmp_path.iterdir()) == []
