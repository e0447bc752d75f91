"""From probabilities to a plan: worked by hand once, then by its laws."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from market_data.errors import DomainError
from suggestion_engine.plan import Plan, Probabilities, Quote, Returns, make_plan
from suggestion_engine.risk import Risk

RETURNS = Returns(up_atr=2.0, flat_atr=0.0, down_atr=-2.0, residual_low_atr=-1.5, residual_high_atr=2.5)
QUOTE = Quote(close=100.0, atr=2.0, volatility_frac=0.25)
BUY = Probabilities(sell=0.25, hold=0.25, buy=0.5)
FREE = Risk(cost_bps_round_trip=0)


def plan(
    p: Probabilities = BUY,
    returns: Returns = RETURNS,
    quote: Quote = QUOTE,
    risk: Risk = FREE,
    *,
    min_edge: float = 0.1,
    is_drifted: bool = False,
) -> Plan:
    return make_plan(p, returns, quote, risk, min_edge=min_edge, is_drifted=is_drifted)


def test_a_buy_worked_by_hand() -> None:
    # mean = (0.5 * 2 - 0.25 * 2) ATR = 0.5 ATR; an ATR is 2 % of the price
    found = plan(risk=replace(FREE, max_size_frac=1.0))
    assert (found.action, found.reason) == ("buy", "edge")
    assert found.expected.mean_frac == pytest.approx(0.01)
    assert found.expected.low_frac == pytest.approx((0.5 - 1.5) * 0.02)
    assert found.expected.high_frac == pytest.approx((0.5 + 2.5) * 0.02)
    assert (found.entry, found.stop, found.target) == (100.0, 96.0, 104.0)
    # volatility 0.1 / 0.25 = 0.4; Kelly 0.25 * 0.01 / (0.75 * 0.04 ** 2) = 2.08; loss 0.01 / 0.04 = 0.25
    assert found.size_frac == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("risk", "size_frac"),
    [
        (Risk(cost_bps_round_trip=0, max_loss_frac=1.0, max_size_frac=1.0), 0.4),
        (Risk(cost_bps_round_trip=0, max_loss_frac=1.0, max_size_frac=0.1), 0.1),
        (Risk(cost_bps_round_trip=0, max_loss_frac=0.002), 0.05),
        (Risk(cost_bps_round_trip=0, kelly_frac=0.01), 0.01 * 0.01 / (0.75 * 0.04**2)),
        # With costs: gain 0.01 - 0.002, second moment 0.5 * 0.038 ** 2 + 0.25 * (0.002 ** 2 + 0.042 ** 2)
        (Risk(kelly_frac=0.01), 0.01 * 0.008 / (0.5 * 0.038**2 + 0.25 * (0.002**2 + 0.042**2))),
    ],
)
def test_the_tightest_bound_decides_the_size(risk: Risk, size_frac: float) -> None:
    assert plan(risk=risk).size_frac == pytest.approx(size_frac)


def test_too_small_an_edge_is_a_hold_of_size_nothing() -> None:
    found = plan(min_edge=0.26)
    assert (found.action, found.reason, found.stop, found.target, found.size_frac) == ("hold", "no_edge", None, None, 0)


def test_an_edge_that_costs_eat_is_a_hold() -> None:
    assert plan(risk=Risk(cost_bps_round_trip=100)).reason == "no_edge"
    assert plan(risk=Risk(cost_bps_round_trip=99)).action == "buy"


def test_an_edge_without_expected_return_is_a_hold() -> None:
    assert plan(returns=replace(RETURNS, up_atr=0.9)).action == "hold"


def test_a_drifted_symbol_is_a_hold_of_low_confidence() -> None:
    found = plan(is_drifted=True)
    assert (found.action, found.reason, found.size_frac) == ("hold", "low_confidence", 0.0)


def test_levels_stay_above_nothing_however_wild_the_price() -> None:
    assert plan(quote=Quote(close=100.0, atr=80.0, volatility_frac=4.0)).stop == 1.0


@pytest.mark.parametrize("quote", [(float("nan"), 1.0, 0.1), (1e308, 1e308, 0.1), (100.0, 1.0, float("inf"))])
def test_what_cannot_be_written_down_is_refused(quote: tuple[float, float, float]) -> None:
    with pytest.raises(DomainError, match="must be finite"):
        Quote(close=quote[0], atr=quote[1], volatility_frac=quote[2])


shares = st.floats(0.0, 1.0)
atr_returns = st.builds(
    lambda up, flat, down: Returns(
        up_atr=up, flat_atr=flat, down_atr=-down, residual_low_atr=-1.0, residual_high_atr=1.0
    ),
    st.floats(0.1, 4.0),
    st.floats(-0.5, 0.5),
    st.floats(0.1, 4.0),
)
quotes = st.builds(
    lambda atr_frac, volatility: Quote(close=50.0, atr=50.0 * atr_frac, volatility_frac=volatility),
    st.floats(0.001, 0.2),
    st.floats(0.01, 2.0),
)
risks = st.builds(
    Risk,
    volatility_target_frac=st.floats(0.01, 2.0),
    kelly_frac=st.floats(0.01, 1.0),
    max_size_frac=st.floats(0.01, 1.0),
    max_loss_frac=st.floats(0.001, 1.0),
    cost_bps_round_trip=st.floats(0.0, 100.0),
)


@st.composite
def probabilities(draw: st.DrawFn) -> Probabilities:
    buy, sell = draw(shares), draw(shares)
    total = max(buy + sell, 1.0)
    return Probabilities(buy=buy / total, sell=sell / total, hold=max(1.0 - (buy + sell) / total, 0.0))


def mirrored(p: Probabilities, returns: Returns) -> tuple[Probabilities, Returns]:
    flipped = Returns(
        up_atr=-returns.down_atr,
        flat_atr=-returns.flat_atr,
        down_atr=-returns.up_atr,
        residual_low_atr=-returns.residual_high_atr,
        residual_high_atr=-returns.residual_low_atr,
    )
    return Probabilities(buy=p.sell, sell=p.buy, hold=p.hold), flipped


@given(probabilities(), atr_returns, quotes, risks)
def test_the_mirror_image_of_a_buy_is_a_sell(p: Probabilities, returns: Returns, quote: Quote, risk: Risk) -> None:
    ours, theirs = plan(p, returns, quote, risk), plan(*mirrored(p, returns), quote, risk)
    assert {ours.action, theirs.action} in ({"hold"}, {"buy", "sell"})
    assert ours.size_frac == pytest.approx(theirs.size_frac)
    assert ours.expected.mean_frac == pytest.approx(-theirs.expected.mean_frac)
    if ours.stop is not None and ours.target is not None and theirs.stop is not None and theirs.target is not None:
        assert ours.stop + theirs.stop == pytest.approx(2 * quote.close)
        assert ours.target + theirs.target == pytest.approx(2 * quote.close)


@given(probabilities(), atr_returns, quotes, risks)
def test_size_is_within_its_bounds_and_action_has_an_edge(
    p: Probabilities, returns: Returns, quote: Quote, risk: Risk
) -> None:
    found = plan(p, returns, quote, risk)
    assert 0.0 <= found.size_frac <= risk.max_size_frac
    assert (found.action == "hold") == (found.stop is None) == (found.target is None)
    assert found.expected.low_frac <= found.expected.mean_frac <= found.expected.high_frac
    if found.stop is not None:
        loss_frac = found.size_frac * abs(found.stop - quote.close) / quote.close
        assert loss_frac <= risk.max_loss_frac * (1 + 1e-9)
        assert found.size_frac > 0.0
        assert (p.edge > 0) == (found.action == "buy")


@given(
    probabilities(),
    atr_returns,
    quotes,
    risks,
    st.tuples(
        st.sampled_from(["volatility_target_frac", "kelly_frac", "max_size_frac", "max_loss_frac"]),
        st.floats(0.01, 1.0),
    ),
)
def test_a_tighter_limit_never_makes_a_position_larger(
    p: Probabilities, returns: Returns, quote: Quote, risk: Risk, cut: tuple[str, float]
) -> None:
    limit, share = cut
    loose = plan(p, returns, quote, risk)
    assume(loose.action != "hold")
    tighter = plan(p, returns, quote, replace(risk, **{limit: getattr(risk, limit) * share}))
    assert tighter.size_frac <= loose.size_frac
