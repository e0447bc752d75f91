"""Servers and processes for all tests: started here, on ports and folders of their own, and ended here."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.platform import Platform, Servers, migrated_template, running_servers

settings.register_profile("shared_cores", deadline=None)  # a slow moment of the machine is not a bug
settings.load_profile("shared_cores")

REDIS_NUMBERS = itertools.count(1)


@pytest.fixture(autouse=True)
def _no_other_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep tests away from a stack that happens to run on this machine."""
    for name in ("DATABASE_URL", "REDIS_URL", "AITRADER_URL", "AITRADER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AITRADER_DATA_DIR", str(tmp_path / "nothing-here"))


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    os.environ.pop("DATABASE_URL", None)
    os.environ.pop("REDIS_URL", None)
    with running_servers(tmp_path_factory.mktemp("servers")) as started:
        yield started


@pytest.fixture(scope="session")
def template(servers: Servers) -> str:
    return migrated_template(servers)


@pytest.fixture(scope="session")
def new_platform(
    servers: Servers, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Platform]]:
    """Give a maker of installations: each with its own database and Redis number, and no process yet."""
    made: list[Platform] = []

    def make(**environment: str) -> Platform:
        redis_url = servers.redis_url.rpartition("/")[0] + f"/{next(REDIS_NUMBERS)}"
        database_url = servers.new_database(template=template)
        platform = Platform(database_url, redis_url, tmp_path_factory.mktemp("data"), environment)
        made.append(platform)
        return platform

    yield make
    for platform in made:
        platform.stop()


@pytest.fixture(scope="session")
def platform(new_platform: Callable[..., Platform]) -> Platform:
    """One whole installation that most tests share: an API, a worker with two children, a relay."""
    platform = new_platform()
    platform.start_all()
    return platform
