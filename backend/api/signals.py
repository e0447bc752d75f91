"""`/api/signals`: what was suggested, and how it turned out."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel

from backend.api.deps import CurrentUser, Every, State
from backend.api.errors import documented
from backend.core.db.signals import SignalFilter
from backend.core.jobs.suggestion import Action
from backend.core.signals import SignalView
from backend.services.signals import Performance
from market_data.symbols import SYMBOL_MAX_LENGTH, SYMBOL_PATTERN

router = APIRouter(prefix="/api/signals", tags=["signals"])


def _utc(moment: datetime) -> datetime:
    """Take a time without a zone as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


SymbolQuery = Annotated[str | None, Query(pattern=SYMBOL_PATTERN, max_length=SYMBOL_MAX_LENGTH)]
Since = Annotated[Annotated[datetime, AfterValidator(_utc)] | None, Query(description="Given at this time or later.")]


class SignalList(BaseModel):
    signals: list[SignalView]
    next_cursor: str | None


class PerformanceList(BaseModel):
    """Each row stands for one action, one set of models, in or out of sample.

    The same said again of the same bar counts once. `is_look_back`: given so long after its bar that what followed
    was known; no evidence of what the models can do.
    `hit_rate`: how often the target was met (of a hold: how often neither barrier was), beside the mean probability
    that the models had given it. `brier`: 0 is perfect, 2/3 is knowing nothing. Returns are those of the action's
    side; of a hold those of the buy that was not made.
    """

    performance: list[Performance]
    cost_bps_round_trip: float


@router.get("", operation_id="list_signals", responses=documented(401, 403, 422))
async def find(
    state: State,
    user: CurrentUser,
    every: Every,
    symbol: SymbolQuery = None,
    action: Annotated[Action | None, Query()] = None,
    since: Since = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> SignalList:
    """List signals, newest first; `next_cursor` leads on."""
    wanted = SignalFilter(user_id=None if every else user.id, symbol=symbol, action=action, since=since)
    page = await state.signals.find(wanted, cursor, limit)
    return SignalList(signals=list(page.signals), next_cursor=page.next_cursor)


@router.get("/performance", operation_id="signal_performance", responses=documented(401, 403, 422))
async def performance(
    state: State,
    user: CurrentUser,
    every: Every,
    symbol: SymbolQuery = None,
    since: Since = None,
    cost_bps_round_trip: Annotated[float, Query(ge=0, le=1_000, allow_inf_nan=False)] = 20.0,
) -> PerformanceList:
    """Compare what was promised with what came, for the signals that `signal_outcomes` has scored."""
    wanted = SignalFilter(user_id=None if every else user.id, symbol=symbol, since=since)
    rows = await state.signals.performance(wanted, cost_bps_round_trip)
    return PerformanceList(performance=rows, cost_bps_round_trip=cost_bps_round_trip)
