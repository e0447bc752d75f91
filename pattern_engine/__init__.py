"""Pure pattern recognition: bars in, matches out. Names and catalogue load neither numpy nor TA-Lib."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from pattern_engine.catalogue import PATTERNS
from pattern_engine.names import PatternName, PatternSpec

if TYPE_CHECKING:
    from pattern_engine.match import Match
    from pattern_engine.scanner import scan

# Recorded with every result; a change that can change an answer changes it too.
ENGINE_VERSION: Final = "1"

__all__ = ["ENGINE_VERSION", "PATTERNS", "Match", "PatternName", "PatternSpec", "scan", "warm"]

_LATE: Final = {"Match": "pattern_engine.match", "scan": "pattern_engine.scanner"}


def warm() -> None:
    """Load numpy and TA-Lib now, so that workers forked from this process share them."""
    import_module("pattern_engine.scanner")


def __getattr__(name: str) -> object:
    # The web process imports this package for the names alone and must load neither numpy nor TA-Lib.
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
