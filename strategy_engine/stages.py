"""The stages of a backtest, for whoever wants to know how far a long one is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

# decide: the strategy reads the bars. simulate: its orders are filled. measure: the report is made.
Stage = Literal["decide", "simulate", "measure"]

# Told now and then what is done now and which fraction of that stage is over; what it raises ends the backtest.
Meanwhile = Callable[[Stage, float], None]
