"""What runs, and how it is: the local stack's processes, and every part's health."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aitrader.client.installation import find_url
from aitrader.errors import NoInstallation
from aitrader.health import Health, read_health
from aitrader.stack.state import ComponentStatus, StackState, read_state


@dataclass(frozen=True)
class Status:
    """stack: None when none runs on the folder, or when another installation was named. health: None without a URL."""

    data_dir: Path
    url: str | None
    stack: StackState | None
    health: Health | None
    problem: str | None

    @property
    def is_ok(self) -> bool:
        components = () if self.stack is None else self.stack.components
        are_ready = all(component.status == ComponentStatus.READY for component in components)
        return self.problem is None and are_ready and self.health is not None and self.health.is_ok

    def as_json(self) -> dict[str, Any]:  # Any: a JSON value
        return {
            "is_ok": self.is_ok,
            "problem": self.problem,
            "data_dir": str(self.data_dir),
            "url": self.url,
            "stack": None if self.stack is None else self.stack.model_dump(mode="json"),
            "health": None if self.health is None else {part.name: _fields(asdict(part)) for part in self.health.parts},
        }


def read_status(data_dir: Path) -> Status:
    """Return how the installation is that AITRADER_URL names, else the stack on the data folder."""
    stack = read_state(data_dir)
    try:
        url = find_url()
    except NoInstallation as error:
        return Status(data_dir, None, stack, None, str(error))
    own = stack if stack is not None and stack.url == url else None
    return Status(data_dir, url, own, read_health(url), None)


def _fields(part: dict[str, Any]) -> dict[str, Any]:  # Any: a JSON value
    return {"status": part["status"], "detail": part["detail"], **part["fields"]}
