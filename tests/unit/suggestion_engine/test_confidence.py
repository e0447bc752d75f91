"""Confidence is a rank of answers between 0 and 1."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suggestion_engine.confidence import DRIFTED_AT_MOST, confidence, lean
from suggestion_engine.plan import Action

edges = st.floats(-1.0, 1.0)


def test_at_the_edge_that_is_needed_and_all_agreeing_it_is_a_half() -> None:
    assert confidence("buy", 0.1, [0.1, 0.2], [1.0, 1.0], min_edge=0.1, is_drifted=False) == pytest.approx(0.5)


def test_half_of_the_weight_against_takes_a_quarter_away() -> None:
    assert confidence("buy", 0.3, [0.5, -0.2], [1.0, 1.0], min_edge=0.1, is_drifted=False) == pytest.approx(0.75 * 0.75)


def test_a_hold_is_surest_without_any_edge() -> None:
    sure = confidence("hold", 0.0, [0.0], [1.0], min_edge=0.1, is_drifted=False)
    doubtful = confidence("hold", 0.09, [0.09], [1.0], min_edge=0.1, is_drifted=False)
    assert sure == 1.0
    assert doubtful < 0.6


@given(
    st.sampled_from(get_args(Action)),
    edges,
    st.lists(edges, min_size=1, max_size=4),
    st.floats(0.0, 1.0),
    st.booleans(),
)
def test_it_is_a_share_and_low_when_drifted(
    action: Action, edge: float, own: list[float], min_edge: float, is_drifted: bool
) -> None:
    found = confidence(action, edge, own, [1.0] * len(own), min_edge=min_edge, is_drifted=is_drifted)
    assert 0.0 <= found <= (DRIFTED_AT_MOST if is_drifted else 1.0)


@given(edges, edges)
def test_more_edge_is_more_confidence_in_acting(one: float, other: float) -> None:
    def of(edge: float) -> float:
        return confidence("buy", edge, [1.0], [1.0], min_edge=0.1, is_drifted=False)

    smaller, larger = sorted((abs(one), abs(other)))
    assert of(smaller) <= of(larger)


@pytest.mark.parametrize(("edge", "action"), [(0.1, "buy"), (-0.1, "sell"), (0.09, "hold"), (-0.09, "hold")])
def test_lean_needs_the_edge(edge: float, action: Action) -> None:
    assert lean(edge, min_edge=0.1) == action
