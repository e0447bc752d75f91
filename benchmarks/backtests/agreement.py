"""Whether two systems did the same work: the same trades, the same money at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.backtests.work import TRADE_COLUMNS, Outcome

# A float64 sum of a million values in another order may differ so much, and no more.
SAME_MONEY = 1e-9


@dataclass(frozen=True)
class Rule:
    """How much two systems may differ: units in a trade, and fractions of a price and of the final equity."""

    units: float = 0.0
    price_frac: float = 0.0
    money_frac: float = SAME_MONEY


EXACT = Rule()
# They floor to whole units, but round the price of one differently: now and then one unit of ten million less, and a
# price that is off in its last digit.
WHOLE_UNITS = Rule(units=2.0, price_frac=1e-14, money_frac=1e-6)
RULES = {"vectorbt_plain": WHOLE_UNITS, "vectorbt_stats": WHOLE_UNITS, "backtrader_plain": WHOLE_UNITS}


def differences(ours: Outcome, theirs: Outcome, rule: Rule = EXACT) -> list[str]:
    """Return in words what differs by more than `rule` allows; nothing if they agree."""
    if len(ours.size) != len(theirs.size):
        return [f"{len(theirs.size):,} closed trades, not {len(ours.size):,}"]
    found = []
    for name in TRADE_COLUMNS:
        mine, other = getattr(ours, name), getattr(theirs, name)
        allowed = rule.price_frac * np.abs(mine) if name.endswith("_price") else rule.units * (name == "size")
        unlike = np.flatnonzero(~(np.abs(mine - other) <= allowed))
        if unlike.size:
            at = int(unlike[0])
            found.append(f"{name} of {unlike.size:,} trades, first of trade {at}: {other[at]}, not {mine[at]}")
    if not abs(theirs.final_equity - ours.final_equity) <= rule.money_frac * abs(ours.final_equity):
        found.append(f"a final equity of {theirs.final_equity:.2f}, not {ours.final_equity:.2f}")
    return found
