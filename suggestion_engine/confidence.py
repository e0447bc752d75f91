"""How far an answer can be relied on, as one number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from suggestion_engine.plan import Action

DRIFTED_AT_MOST: Final = 0.2


def confidence(
    action: Action,
    edge: float,
    member_edges: Sequence[float],
    weights: Sequence[float],
    *,
    min_edge: float,
    is_drifted: bool,
) -> float:
    """Return confidence in the action, 0 .. 1. It is a rank of answers, not a probability of being right.

    edge: p_buy - p_sell of the ensemble; member_edges, weights: shape (members,).

    strength   |edge| / (|edge| + min_edge): 1/2 just at the edge that is needed, towards 1 beyond it. Of a hold its
               complement: the less edge there is, the surer the hold.
    agreement  the share of members, by weight, whose own edge leads to the same action.
    confidence = strength * (1 + agreement) / 2, and 0.2 at most when the newest bars are unlike the training data.
    """
    needed = max(min_edge, 1e-9)
    strength = abs(edge) / (abs(edge) + needed)
    if action == "hold":
        strength = 1.0 - strength
    agreeing = sum(
        weight for own, weight in zip(member_edges, weights, strict=True) if lean(own, min_edge=needed) == action
    )
    found = strength * (1.0 + agreeing / sum(weights)) / 2.0
    return min(found, DRIFTED_AT_MOST) if is_drifted else found


def lean(edge: float, *, min_edge: float) -> Action:
    """Return which way probabilities point by themselves, before costs."""
    if abs(edge) < min_edge:
        return "hold"
    return "buy" if edge > 0 else "sell"
