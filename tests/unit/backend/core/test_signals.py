"""A signal as its listeners are told of it."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from backend.core.events import Kind, Topic
from backend.core.signals import SignalView, signal_given, signal_of

ROW = {
    "id": uuid4(),
    "job_id": None,
    "user_id": uuid4(),
    "symbol": "AAPL",
    "timeframe": "1d",
    "action": "hold",
    "reason": "no_edge",
    "p_buy": 0.3,
    "p_hold": 0.4,
    "p_sell": 0.3,
    "expected_return_frac": 0.0,
    "entry": 100.0,
    "stop": None,
    "target": None,
    "size_frac": 0.0,
    "confidence": 0.9,
    "horizon_bars": 10,
    "as_of": datetime(2024, 3, 1, tzinfo=UTC),
    "is_in_sample": False,
    "models": {"suggestion-tiny": "1"},
    "created_at": datetime(2024, 3, 2, tzinfo=UTC),
    **dict.fromkeys(("outcome", "outcome_return_frac", "exit_price", "exit_at", "scored_at")),
}


def test_a_signal_goes_to_its_owner_and_to_who_hears_all_and_is_never_dropped() -> None:
    signal = signal_of(ROW)
    event = signal_given(signal)
    assert event.topics == (Topic("trading_signals", signal.user_id), Topic("trading_signals", None))
    assert (event.kind, event.key) == (Kind.FINAL, str(signal.id))


def test_listeners_are_not_told_whose_it_is() -> None:
    told = json.loads(signal_given(signal_of(ROW)).data)
    assert set(told) == set(SignalView.model_fields) - {"user_id"}
    assert (told["symbol"], told["as_of"]) == ("AAPL", "2024-03-01T00:00:00Z")
