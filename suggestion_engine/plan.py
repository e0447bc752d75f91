"""From probabilities to what to do: action, levels, expected return and size.

edge      p_buy - p_sell
expected  (p_buy * up + p_hold * flat + p_sell * down) * ATR / close   up, flat, down: mean realised return by class
buy       if expected - cost > 0 and edge >= min_edge                  sell: the mirror image
levels    entry = the newest close; target and stop at 2 ATR on either side, as in the labels
size      the smallest of volatility target, fractional Kelly, loss at the stop and the largest size allowed
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Final, Literal

from market_data.errors import require
from suggestion_engine.risk import Risk

Action = Literal["buy", "sell", "hold"]
Reason = Literal["edge", "no_edge", "low_confidence"]

BARRIER_ATR: Final = 2.0
"""The distance of stop and target, in ATRs: that of the labels which the models were trained on."""
COVERAGE: Final = 0.8
"""How much of the outcomes the interval holds: between the 10 % and the 90 % quantile of the residuals."""
LOWEST_LEVEL_FRAC: Final = 0.01
"""No level is below this part of the close: prices stay above 0, however large the ATR."""
_BPS: Final = 1e-4


@dataclass(frozen=True, kw_only=True)
class Probabilities:
    """That the lower barrier is reached first (sell), neither in time (hold), the upper one first (buy)."""

    sell: float
    hold: float
    buy: float

    @property
    def edge(self) -> float:
        return self.buy - self.sell


@dataclass(frozen=True, kw_only=True)
class Returns:
    """Mean realised return by outcome, and the residuals of realised minus expected, all in ATRs.

    `residual_low_atr` and `residual_high_atr` are the 10 % and 90 % quantiles on rows that the model did not see in
    training: split conformal prediction (Vovk et al. 2005; Lei et al. 2018, JASA 113).
    """

    up_atr: float
    flat_atr: float
    down_atr: float
    residual_low_atr: float
    residual_high_atr: float

    def mean_atr(self, p: Probabilities) -> float:
        return p.buy * self.up_atr + p.hold * self.flat_atr + p.sell * self.down_atr

    def mean_square_atr(self, p: Probabilities) -> float:
        return p.buy * self.up_atr**2 + p.hold * self.flat_atr**2 + p.sell * self.down_atr**2


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Where the symbol stands: the newest close, its ATR (price units) and its yearly volatility as a fraction."""

    close: float
    atr: float
    volatility_frac: float

    def __post_init__(self) -> None:
        told = (self.close, self.close + BARRIER_ATR * self.atr, self.volatility_frac)
        require(all(map(isfinite, told)), f"close, levels and volatility must be finite, they were {told}")

    @property
    def atr_frac(self) -> float:
        return self.atr / self.close


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Return from the next open over the horizon, before costs, as fractions of the price."""

    mean_frac: float
    low_frac: float
    high_frac: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do. `stop` and `target` are prices, None for a hold; `size_frac` is a part of the account, 0 for one."""

    action: Action
    reason: Reason
    expected: Expected
    entry: float
    stop: float | None
    target: float | None
    size_frac: float


def make_plan(
    p: Probabilities, returns: Returns, quote: Quote, risk: Risk, *, min_edge: float, is_drifted: bool
) -> Plan:
    """Return what to do about one symbol; a hold where nothing is left after costs, or where the models are lost."""
    expected = expected_return(p, returns, quote)
    action = wanted_action(p, expected, risk, min_edge=min_edge)
    reason: Reason = "no_edge" if action == "hold" else "edge"
    if is_drifted:
        action, reason = "hold", "low_confidence"
    if action == "hold":
        return Plan(
            action="hold", reason=reason, expected=expected, entry=quote.close, stop=None, target=None, size_frac=0.0
        )
    stop, target = levels(action, quote)
    size_frac = position_size_frac(action, p, returns, quote, risk)
    return Plan(
        action=action,
        reason=reason,
        expected=expected,
        entry=quote.close,
        stop=stop,
        target=target,
        size_frac=size_frac,
    )


def expected_return(p: Probabilities, returns: Returns, quote: Quote) -> Expected:
    """Return the mean over the three outcomes, and the conformal interval around it, as fractions of the price."""
    mean_atr = returns.mean_atr(p)
    return Expected(
        mean_frac=mean_atr * quote.atr_frac,
        low_frac=(mean_atr + min(returns.residual_low_atr, 0.0)) * quote.atr_frac,
        high_frac=(mean_atr + max(returns.residual_high_atr, 0.0)) * quote.atr_frac,
    )


def wanted_action(p: Probabilities, expected: Expected, risk: Risk, *, min_edge: float) -> Action:
    """Return the side that pays after costs and has the edge that the models need to be worth following, else hold."""
    cost_frac = risk.cost_bps_round_trip * _BPS
    if expected.mean_frac > cost_frac and p.edge >= min_edge:
        return "buy"
    if -expected.mean_frac > cost_frac and -p.edge >= min_edge:
        return "sell"
    return "hold"


def levels(action: Literal["buy", "sell"], quote: Quote) -> tuple[float, float]:
    """Return stop and target, as prices: 2 ATRs from the newest close, mirrored for a sell."""
    lower = max(quote.close - BARRIER_ATR * quote.atr, LOWEST_LEVEL_FRAC * quote.close)
    upper = quote.close + BARRIER_ATR * quote.atr
    return (lower, upper) if action == "buy" else (upper, lower)


def position_size_frac(
    action: Literal["buy", "sell"], p: Probabilities, returns: Returns, quote: Quote, risk: Risk
) -> float:
    """Return the part of the account to put in: the smallest of four bounds, each >= 0.

    volatility   volatility_target_frac / yearly volatility (Moreira and Muir 2017, JF 72)
    Kelly        kelly_frac * E[x] / E[x**2], x the return after costs by outcome: log growth to second order
                 (Kelly 1956; Thorp 2006, "The Kelly Criterion in Blackjack, Sports Betting and the Stock Market")
    loss         max_loss_frac / (distance of the stop + cost)
    largest      max_size_frac
    """
    cost_frac = risk.cost_bps_round_trip * _BPS
    side = 1.0 if action == "buy" else -1.0
    gain_frac = side * returns.mean_atr(p) * quote.atr_frac - cost_frac
    square = (
        returns.mean_square_atr(p) * quote.atr_frac**2
        - 2.0 * cost_frac * side * returns.mean_atr(p) * quote.atr_frac
        + cost_frac**2
    )
    bounds = (
        _quotient(risk.volatility_target_frac, quote.volatility_frac),
        _quotient(risk.kelly_frac * max(gain_frac, 0.0), square),
        _quotient(risk.max_loss_frac, BARRIER_ATR * quote.atr_frac + cost_frac),
        risk.max_size_frac,
    )
    return min(bounds)


def _quotient(limit: float, unit: float) -> float:
    """Return limit / unit; no bound at all where a unit of it costs nothing."""
    return limit / unit if unit > 0.0 else float("inf")
