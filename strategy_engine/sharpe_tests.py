"""How far a Sharpe ratio can be trusted: its chance to be real, alone and as the best of several trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np

from market_data.errors import require

_NORMAL: Final = NormalDist()
_EULER_GAMMA: Final = 0.5772156649015329
FEWEST_BARS: Final = 4


def probabilistic_sharpe(
    sharpe: float, *, bar_count: int, skewness: float, excess_kurtosis: float, hurdle: float = 0.0
) -> float:
    """Return the chance that the true Sharpe ratio is above `hurdle`; NaN where it is not defined.

    sharpe, hurdle: per bar, not annualised. skewness, excess_kurtosis: of the returns per bar.
    Phi((SR - SR*) sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR**2)), where kurtosis is 3 for a normal
    distribution -- Bailey and Lopez de Prado (2012), "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2).
    NaN below 4 bars, where the returns do not vary, and where the variance of the estimate would not be > 0.
    """
    variance = 1.0 - skewness * sharpe + (excess_kurtosis + 2.0) / 4.0 * sharpe**2
    if bar_count < FEWEST_BARS or not variance > 0.0:
        return math.nan
    return normal_cdf((sharpe - hurdle) * math.sqrt((bar_count - 1) / variance))


def expected_max_sharpe(trials: int, deviation: float) -> float:
    """Return the highest Sharpe ratio that so many trials without any skill reach on average.

    deviation: of the trials' Sharpe ratios, whose unit the answer has. sd ((1 - g) Phi^-1(1 - 1/N) +
    g Phi^-1(1 - 1/(N e))), g = Euler's constant -- Bailey and Lopez de Prado (2014). 0 for one trial.
    Raises DomainError for fewer than 1 trial.
    """
    require(trials >= 1, f"trials must be at least 1, was {trials}")
    if trials == 1 or not deviation > 0.0:
        return 0.0
    plain, further = _NORMAL.inv_cdf(1.0 - 1.0 / trials), _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return deviation * ((1.0 - _EULER_GAMMA) * plain + _EULER_GAMMA * further)


def deflated_sharpe(
    sharpe: float, trial_sharpes: Sequence[float], *, bar_count: int, skewness: float, excess_kurtosis: float
) -> float:
    """Return the chance that the best of several trials has a true Sharpe ratio above 0; NaN where undefined.

    sharpe: of the best one. trial_sharpes: of all trials that were made, the best among them; both per bar, not
    annualised. The rest as in `probabilistic_sharpe`, whose hurdle is `expected_max_sharpe` here, with the trials'
    deviation (ddof = 1) -- Bailey and Lopez de Prado (2014), "The Deflated Sharpe Ratio", JPM 40(5).
    NaN also if a trial's Sharpe ratio is. Raises DomainError without trials.
    """
    trials = np.asarray(trial_sharpes, np.float64)
    spread = float(trials.std(ddof=1)) if trials.size > 1 else 0.0
    hurdle = expected_max_sharpe(trials.size, spread) if np.isfinite(trials).all() else math.nan
    return probabilistic_sharpe(
        sharpe, bar_count=bar_count, skewness=skewness, excess_kurtosis=excess_kurtosis, hurdle=hurdle
    )


def normal_cdf(value: float) -> float:
    """Return the standard normal distribution's share below `value`."""
    return 0.5 * math.erfc(-value / math.sqrt(2.0))
