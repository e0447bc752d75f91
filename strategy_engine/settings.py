"""All that a backtest can be told, in one value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from market_data.bounds import settle
from market_data.errors import require
from strategy_engine.account import Account
from strategy_engine.costs import Costs
from strategy_engine.distance import RiskDistance
from strategy_engine.entry_order import AnyEntryOrder, MarketOrder
from strategy_engine.exits import Exits
from strategy_engine.fill_rules import FillRules
from strategy_engine.sizing import AllCash, AnySizing
from strategy_engine.slippage import NoSlippage

_ACCOUNT: Final = Account()
_COSTS: Final = Costs()
_SIZING: Final = AllCash()
_EXITS: Final = Exits()
_ENTRY: Final = MarketOrder()
_FILLS: Final = FillRules()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The account, its costs, and how orders are sized, entered, protected and filled.

    The defaults are 10,000 in cash, no costs, all cash into each entry at the next open, no exits but the
    strategy's own.
    """

    account: Account = _ACCOUNT
    costs: Costs = _COSTS
    sizing: AnySizing = _SIZING
    exits: Exits = _EXITS
    entry: AnyEntryOrder = _ENTRY
    fills: FillRules = _FILLS

    def __post_init__(self) -> None:
        settle(self)
        profile, kind = self.fills.profile, self.entry.kind
        require(profile != "vectorbt" or kind == "market", f"the profile vectorbt knows only market orders, was {kind}")
        targets = [self.exits.take_profit, *(rung.target for rung in self.exits.ladder)]
        if any(isinstance(target, RiskDistance) for target in targets):
            require(
                profile == "next_open",
                f"a target measured in risk needs the profile next_open, was {profile}",
            )

    def is_plain(self) -> bool:
        """Return whether this is all cash at market, long or flat, with a commission rate for all costs."""
        return (
            self.exits == _EXITS
            and self.entry == _ENTRY
            and self.sizing == _SIZING
            and _has_rate_only(self.costs)
            and self.fills in _PLAIN_FILLS
            and self.account.leverage == 1.0
            and self.account.min_notional == 0.0
            and self.account.cash_rate == 0.0
        )


def settings_of(
    *, account: Account, costs: Costs, sizing: AnySizing, exits: Exits, entry: AnyEntryOrder, fills: FillRules
) -> Settings:
    """Return the settings, checked once however many backtests share them."""
    try:
        return _checked_once(account, costs, sizing, exits, entry, fills)
    except TypeError:  # what has no hash is none of these; the check says what was expected
        return Settings(account=account, costs=costs, sizing=sizing, exits=exits, entry=entry, fills=fills)


@lru_cache(maxsize=256)
def _checked_once(*parts: object) -> Settings:
    names = ("account", "costs", "sizing", "exits", "entry", "fills")
    given: dict[str, Any] = dict(zip(names, parts, strict=True))  # Any: checked by what they are given to
    return Settings(**given)


def _has_rate_only(costs: Costs) -> bool:
    others = (costs.commission_fixed, costs.commission_per_unit, costs.commission_min, costs.spread_frac)
    return not any(others) and costs.commission_tiers == () and isinstance(costs.slippage, NoSlippage)


_PLAIN_FILLS: Final = (_FILLS, FillRules(profile="backtesting_py"))
