"""A short run of the seeded harness: every fault once, in the middle of a few hundred jobs."""

from pathlib import Path

import pytest

from tests.faults.injections import FAULTS
from tests.faults.run import run

JOBS = 300


@pytest.mark.timeout(900)  # it takes about 100 s; on a busy machine, starting processes alone may take as long
def test_no_promise_is_broken_by_any_fault(tmp_path: Path) -> None:
    report = run(1, jobs=JOBS, faults=len(FAULTS), folder=tmp_path)
    assert [str(violation) for violation in report.violations] == []
    assert report.jobs >= 0.9 * JOBS  # a request without a key is not sent again when its answer was lost
    assert report.rescues > 0
    assert report.resumes > 0
