"""Signals put into the table by hand, so that a test knows what to expect of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, insert

from backend.core.db.research_tables import signals
from backend.core.ids import new_id

AS_OF = datetime(2024, 3, 1, tzinfo=UTC)
MODELS = {"suggestion-tiny": "2015.12.31-abcdef01"}


def add_signal(engine: Engine, user_id: UUID, symbol: str = "AAPL", **changes: Any) -> UUID:
    """Insert a signal of no job; return its id."""
    values: dict[str, Any] = {
        "id": new_id(),
        "user_id": user_id,
        "symbol": symbol,
        "timeframe": "1d",
        "action": "buy",
        "reason": "edge",
        "p_buy": 0.5,
        "p_hold": 0.3,
        "p_sell": 0.2,
        "expected_return_frac": 0.01,
        "entry": 100.0,
        "stop": 96.0,
        "target": 104.0,
        "size_frac": 0.1,
        "confidence": 0.6,
        "horizon_bars": 10,
        "as_of": AS_OF,
        "is_in_sample": False,
        "models": MODELS,
        **changes,
    }
    if values.get("outcome") is not None:
        values.setdefault("scored_at", AS_OF)
    with engine.begin() as connection:
        connection.execute(insert(signals).values(**values))
    return UUID(str(values["id"]))
