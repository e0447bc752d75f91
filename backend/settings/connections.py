"""Where Postgres and Redis are: address forms, and the local stack's own record of them."""

import json
import os
from pathlib import Path

from platformdirs import user_data_dir

POSTGRES_SCHEMES = ("postgres", "postgresql")


def default_data_dir() -> Path:
    """Return the folder of the local stack: AITRADER_DATA_DIR, or the user's own data folder."""
    return Path(os.environ.get("AITRADER_DATA_DIR") or user_data_dir("aitrader"))


def normal_database_url(url: str) -> str:
    """Return the address with the driver this product uses, whatever driver it named.

    `postgres://`, `postgresql://` and both with `+psycopg`, `+asyncpg` or `+psycopg2` are accepted.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in POSTGRES_SCHEMES:
        raise ValueError(f"DATABASE_URL must begin with postgres:// or postgresql://, it began with {scheme[:24]!r}")
    return f"postgresql+psycopg://{rest}"


def local_connections(data_dir: Path) -> dict[str, str]:
    """Return the addresses a running local stack wrote into its data folder; empty when there are none."""
    try:
        found = json.loads((data_dir / "connections.json").read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: str(found[name]) for name in ("database_url", "redis_url") if name in found}
