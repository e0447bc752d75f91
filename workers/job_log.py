"""The lines of one attempt while they wait to be stored: bounded, each made fit for JSON and for Postgres."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from numbers import Integral, Real
from threading import Lock
from typing import Any

MAX_BYTES = 1_000_000
"""What one attempt may store, as JSON; the rest is counted and dropped."""
MAX_TEXT = 4_000
MAX_TRACEBACK = 20_000
MAX_DEPTH = 4
LEAST_BIG = 2**63
LEAST_LEVEL = logging.INFO
TRUNCATED = "log_truncated"
KNOWN_OTHERWISE = frozenset({"event", "level", "timestamp", "service", "job_id", "attempt", "request_id"})
"""Fields that are columns of the line or of its job."""


@dataclass(frozen=True)
class Line:
    seq: int
    at: datetime
    level: str
    event: str
    fields: Mapping[str, Any]  # Any: JSON

    def as_json(self) -> str:
        told = {
            "seq": self.seq,
            "at": self.at.isoformat(),
            "level": self.level,
            "event": self.event,
            "fields": self.fields,
        }
        return json.dumps(told, separators=(",", ":"))


class JobLog:
    """One attempt's lines. Any thread may add; whoever stores them takes them away."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._lock = Lock()
        self._max_bytes = max_bytes
        self._seq = 0
        self._bytes = 0
        self._waiting: list[str] = []
        self._dropped_seq: int | None = None
        self._dropped_lines = 0
        self._dropped_bytes = 0
        self._is_drop_told = True

    def add(self, line: Mapping[str, Any]) -> bool:  # Any: whatever somebody logged
        """Keep a line, or count it as dropped; False for one that is of no interest."""
        level = str(line.get("level", "info"))
        if logging.getLevelNamesMapping().get(level.upper(), LEAST_LEVEL) < LEAST_LEVEL:
            return False
        fields = {storable(name): json_value(value, name) for name, value in _own(line)}
        with self._lock:
            made = Line(self._seq, datetime.now(UTC), level, storable(str(line.get("event", "")))[:200], fields)
            text = made.as_json()
            size = len(text)
            self._seq += 1
            if self._dropped_seq is None and self._bytes + size <= self._max_bytes:
                self._bytes += size
                self._waiting.append(text)
            else:  # from the first that did not fit: a log with holes would mislead
                self._dropped_seq = made.seq if self._dropped_seq is None else self._dropped_seq
                self._dropped_lines += 1
                self._dropped_bytes += size
                self._is_drop_told = False
        return True

    @property
    def is_empty(self) -> bool:
        return not self._waiting and self._is_drop_told

    def take(self) -> "Taken":
        """Return the lines that wait, and how much was dropped, if that is news."""
        with self._lock:
            lines, self._waiting = self._waiting, []
            dropped = None if self._is_drop_told or self._dropped_seq is None else self._told_dropped(self._dropped_seq)
            self._is_drop_told = True
            return Taken(lines, dropped)

    def put_back(self, taken: "Taken") -> None:
        """Let lines wait again that could not be stored; storing one twice is harmless."""
        with self._lock:
            self._waiting[:0] = taken.lines
            self._is_drop_told = self._is_drop_told and taken.dropped is None

    def _told_dropped(self, seq: int) -> str:
        told = {"dropped_lines": self._dropped_lines, "dropped_bytes": self._dropped_bytes}
        return Line(seq, datetime.now(UTC), "warning", TRUNCATED, told).as_json()


@dataclass(frozen=True)
class Taken:
    """Lines as JSON. `dropped`: one that takes the place of all that did not fit."""

    lines: Sequence[str]
    dropped: str | None

    def as_json(self) -> str:
        every = self.lines if self.dropped is None else [*self.lines, self.dropped]
        return f"[{','.join(every)}]"


def _own(line: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:  # Any: whatever somebody logged
    return [(name, value) for name, value in line.items() if name not in KNOWN_OTHERWISE and not name.startswith("_")]


def json_value(value: Any, name: str = "", depth: int = 0) -> Any:  # Any: whatever somebody logged, then JSON
    """Return a value as JSON and Postgres can hold it; what is too large or too deep is cut."""
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        return {storable(str(key)): json_value(inner, str(key), depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < MAX_DEPTH:
        return [json_value(inner, name, depth + 1) for inner in value]
    return _scalar(value, MAX_TRACEBACK if name == "exception" else MAX_TEXT)


def _scalar(value: Any, max_text: int) -> str | int | float | bool | None:  # Any: the same
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Integral) and abs(int(value)) < LEAST_BIG:
        return int(value)
    if isinstance(value, Real) and not isinstance(value, Integral) and math.isfinite(value):
        return float(value)
    return _cut(storable(value.isoformat() if isinstance(value, datetime) else str(value)), max_text)


def storable(text: str) -> str:
    """Return a text without what Postgres refuses: U+0000 and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text) - limit} more characters)"
