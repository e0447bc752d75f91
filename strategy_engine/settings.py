"""All that a backtest can be told, in one value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from market_data.bounds import settle
from market_data.errors import require
from strategy_engine.account import Account
from strategy_engine.costs import Costs
from strategy_engine.distance import RiskDistance
from strategy_engine.entry_order import AnyEntryOrder, MarketOrder
from strategy_engine.exits import Exits
from strategy_engine.fill_rules import FillRules
from strategy_engine.sizing import AllCash, AnySizing

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
            and replace_rate(self.costs) == _COSTS
            and self.fills in _PLAIN_FILLS
            and self.account.leverage == 1.0
            and self.account.min_notional == 0.0
        )


def replace_rate(costs: Costs) -> Costs:
    """Return the costs without their commission rate."""
    return costs if costs.commission_rate == 0.0 else replace(costs, commission_rate=0.0)


_PLAIN_FILLS: Final = (_FILLS, FillRules(profile="backtesting_py"))
