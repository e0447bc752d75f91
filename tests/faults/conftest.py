"""A stage for tests of single faults. It is shared: each test waits until everything is back before it begins."""

from collections.abc import Iterator

import httpx
import pytest

from tests.faults.stage import Stage, staged


@pytest.fixture(scope="session")
def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage"), JOBS__FREE_MAX_RUNNING="1") as stage:
        yield stage


@pytest.fixture
def stage(shared_stage: Stage) -> Iterator[Stage]:
    """The whole installation, idle; what a test froze goes on afterwards."""
    shared_stage.wait_ready()
    yield shared_stage
    shared_stage.thaw()


@pytest.fixture
def admin(stage: Stage) -> Iterator[httpx.Client]:
    with stage.platform.client("admin", url=stage.urls[0]) as client:
        yield client
