"""A line that a job logged, as its owner sees it."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

Level = Literal["debug", "info", "warning", "error", "critical"]
LEVELS: tuple[Level, ...] = get_args(Level)
_BARE = re.compile(r"[^\s\"'=\x00-\x1f\x7f-\x9f]+")


class LogLine(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int
    """A place among the job's lines: `after` it the next ones come."""
    attempt: int
    at: datetime
    level: str
    event: str
    fields: dict[str, Any]  # Any: JSON

    @property
    def text(self) -> str:
        """Return the line as a person reads it; control characters are spelled out, so no terminal obeys them."""
        at = self.at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.at.microsecond // 1000:03}Z"
        told = [f"{name}={_shown(value)}" for name, value in self.fields.items()]
        return " ".join([at, f"#{self.attempt}", f"{self.level:<8}", _shown(self.event), *told])


def log_line_of(row: Mapping[Any, Any]) -> LogLine:  # Any: a database row
    return LogLine.model_validate(dict(row))


def levels_from(least: Level) -> Sequence[Level]:
    """Return the level and those above it."""
    return LEVELS[LEVELS.index(least) :]


def _shown(value: Any) -> str:  # Any: JSON
    if isinstance(value, str) and value.isprintable() and _BARE.fullmatch(value):
        return value
    told = json.dumps(value, ensure_ascii=not isinstance(value, str) or not value.isprintable())
    return told.replace("\x7f", "\\u007f")  # the one control character that JSON leaves alone
