"""What runs on a data folder: written by the supervisor, read by `aitrader status`, `doctor` and `logs`."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from aitrader.stack.data_dir import DataDir, is_locked
from backend.core.private_files import write_private


class ComponentStatus(StrEnum):
    """Where a component is; only READY serves."""

    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"  # it died, and will be started again after a pause
    STOPPING = "stopping"
    STOPPED = "stopped"


class ComponentState(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    status: ComponentStatus
    pid: int | None
    started_at: datetime
    restarts: int
    log: Path


class StackState(BaseModel):
    """A snapshot of one run; holds no secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    run_id: str
    started_at: datetime
    is_ready: bool = False
    url: str | None = None
    flower_url: str | None = None
    postgres_port: int | None = None  # None: a server of somebody else's is used
    redis_port: int | None = None
    components: tuple[ComponentState, ...] = ()


def read_state(data_dir: Path) -> StackState | None:
    """Return what runs on the data folder; None when nothing does."""
    named = DataDir(data_dir)
    return read_last_state(named) if is_locked(named) else None


def read_last_state(data_dir: DataDir) -> StackState | None:
    """Return what runs or ran last on the data folder; None when that is not known."""
    try:
        return StackState.model_validate_json(data_dir.state.read_bytes())
    except (OSError, ValidationError):  # never started, or written by another version
        return None


def write_state(data_dir: DataDir, state: StackState) -> None:
    write_private(data_dir.state, state.model_dump_json(indent=2) + "\n")
