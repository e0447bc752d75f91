"""Numbers as a reader wants them; the same digits on every machine."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

Unit = Literal["percent", "currency", "ratio", "count", "bars"]

UNDEFINED: Final = "\u2013"
MINUS: Final = "\u2212"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_NS: Final = 86_400 * 1_000_000_000
_LARGE: Final = 1e15


def written(value: float, unit: Unit) -> str:
    """Return `12.34 %`, `1,234.50`, `0.87`, `42` or `42 bars`; a dash for NaN."""
    if not math.isfinite(value):
        return UNDEFINED
    if unit == "percent":
        return f"{_fixed(100.0 * value)} %"
    if unit == "count":
        return f"{int(value):,}"
    if unit == "bars":
        return f"{int(value):,} bars" if value == int(value) else f"{value:,.1f} bars"
    return _fixed(value)


def day(time_ns: int) -> str:
    """Return `2024-03-01`, or `2024-03-01 14:30` where the time is not midnight; UTC."""
    moment = _EPOCH + timedelta(microseconds=time_ns // 1_000)
    return moment.strftime("%Y-%m-%d" if time_ns % _DAY_NS == 0 else "%Y-%m-%d %H:%M")


def _fixed(value: float) -> str:
    if abs(value) >= _LARGE:
        return f"{value:.3e}"
    text = f"{value:,.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", MINUS)
