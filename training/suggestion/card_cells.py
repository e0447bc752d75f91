"""How a card writes its numbers: cells, rows and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

Card = dict[str, Any]  # Any: JSON
SKILL_HEAD: Final = (
    "rows",
    "sell / hold / buy came",
    "direction AUC",
    "accuracy (always the commonest class)",
    "Brier skill",
    "ECE",
    "rank IC",
)
MONEY_HEAD: Final = (
    "abstained",
    "trades",
    "mean trade",
    "acting, a year (Sharpe)",
    "long only",
    "buy and hold",
    "momentum 12-1",
    "deflated Sharpe",
)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def skill_cells(one: Card) -> list[str]:
    skill = one["skill"]
    return [
        f"{skill['n_rows']:,}",
        " / ".join(pct(share) for share in skill["class_fracs"]),
        interval(skill["direction_auc"]),
        f"{interval(skill['accuracy_frac'])} ({number(skill['accuracy_base_frac'])})",
        interval(skill["brier_skill"]),
        interval(skill["ece"]),
        interval(skill["rank_ic"]),
    ]


def money_cells(money: Card) -> list[str]:
    return [
        pct(money["abstained_frac"]),
        f"{money['n_trades']:,}",
        bps(money["mean_trade_bps"]),
        earned(money["acting"]),
        earned(money["acting_long_only"]),
        earned(money["buy_and_hold"]),
        earned(money["momentum"]),
        number(money["deflated_sharpe"]),
    ]


def interval(one: Card) -> str:
    if one["value"] is None:
        return "-"
    return f"{one['value']:.4f} ({one['low']:.4f} to {one['high']:.4f})"


def earned(one: Card) -> str:
    return f"{pct(one['annual_return_frac'])} ({number(one['sharpe'], digits=2)})"


def number(value: float | None, *, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def pct(value: float, *, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def bps(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.1f} bps"
