"""The environment of child processes."""

import os
from collections.abc import Mapping

from aitrader.stack.data_dir import DataDir

FOREIGN_TO_SERVERS = ("PG", "DATABASE_URL", "REDIS_URL")  # PGPORT, PGDATA, ... would override what we say
FOREIGN_TO_FLOWER = "FLOWER_"  # Flower takes each such name for an option of its own, and refuses those it has not


def child_environ(data_dir: DataDir, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the supervisor's environment with the data folder in it, which marks each child, and `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_TO_FLOWER)}
    return {**kept, "AITRADER_DATA_DIR": str(data_dir.path), **(extra or {})}


def server_environ(data_dir: DataDir) -> dict[str, str]:
    """Return the environment of PostgreSQL and Valkey, which need nothing of the user's and no secret."""
    kept = {
        name: value
        for name, value in child_environ(data_dir).items()
        if not name.startswith((*FOREIGN_TO_SERVERS, "LC_"))
    }
    return {**kept, "LC_ALL": "C"}
