"""A signal as others see it: in answers of the API, and in the event that tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from backend.core.events import Event, Kind, Topic
from backend.core.jobs.suggestion import Action, Reason

OutcomeName = Literal["target", "stop", "timeout"]


class SignalView(BaseModel):
    """One suggestion that was given, and what became of it once `signal_outcomes` has scored it.

    `outcome` of a buy or sell is its own; of a hold it is what a buy would have met. `outcome_return_frac` is before
    costs, from the fill at the bar after `as_of`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    job_id: UUID | None
    user_id: UUID
    symbol: str
    timeframe: str
    action: Action
    reason: Reason
    p_buy: float
    p_hold: float
    p_sell: float
    expected_return_frac: float
    entry: float
    stop: float | None
    target: float | None
    size_frac: float
    confidence: float
    horizon_bars: int
    as_of: datetime
    is_in_sample: bool
    models: dict[str, str]
    """The version of each model that answered, by name."""
    created_at: datetime
    outcome: OutcomeName | None
    outcome_return_frac: float | None
    exit_price: float | None
    exit_at: datetime | None
    scored_at: datetime | None


@dataclass(frozen=True)
class UnscoredSeries:
    """One owner's signals on one series whose outcome is not known: how many of them it is time to look at."""

    user_id: UUID
    timeframe: str
    symbol: str
    signal_count: int


def signal_of(row: Mapping[Any, Any]) -> SignalView:  # Any: a database row
    return SignalView.model_validate(dict(row))


def signal_json(signal: SignalView) -> str:
    """Return a signal as its owner is told of it."""
    return signal.model_dump_json(exclude={"user_id"})


def signal_given(signal: SignalView) -> Event:
    """Return the event that tells a signal's owner, and the admins who watch all, of it; it is never dropped."""
    topics = (Topic("trading_signals", signal.user_id), Topic("trading_signals", None))
    return Event(topics, str(signal.id), Kind.FINAL, signal_json(signal))
