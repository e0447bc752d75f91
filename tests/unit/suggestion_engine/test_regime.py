import numpy as np
import pytest

from suggestion_engine.regime import NEEDED_BARS, classify
from tests.unit.suggestion_engine.random_bars import bars_of, flat_bars, random_bars, scaled


def trending_bars(drift_frac, *, late_step_frac=0.005, seed=0):
    """Return 400 bars with this drift a bar, whose steps are of another size on the newest 20."""
    rng = np.random.default_rng(seed)
    steps = np.where(np.arange(400) < 380, 0.01, late_step_frac)
    close = 50.0 * np.exp(np.cumsum(drift_frac + steps * rng.choice([-1.0, 1.0], 400)))
    return bars_of(close, close, close, close)


@pytest.mark.parametrize(
    ("drift_frac", "late_step_frac", "name"),
    [
        (0.004, 0.005, "bull_quiet"),
        (0.004, 0.02, "bull_volatile"),
        (-0.004, 0.005, "bear_quiet"),
        (-0.004, 0.02, "bear_volatile"),
    ],
)
def test_trend_and_volatility_name_the_regime(drift_frac, late_step_frac, name):
    assert classify(trending_bars(drift_frac, late_step_frac=late_step_frac)).name == name


def test_prices_that_go_nowhere_are_sideways():
    wave = 50.0 + np.tile([0.0, 0.5, 0.0, -0.5], 100)
    assert classify(bars_of(wave, wave, wave, wave)).name == "sideways"
    assert classify(flat_bars(300)).name == "sideways"


def test_a_rise_that_broke_is_sideways():
    bars = trending_bars(0.004)
    assert classify(bars).name == "bull_quiet"
    fall = np.where(np.arange(400) < 399, 1.0, 0.5)
    assert classify(scaled(bars, fall, 1.0)).name == "sideways"


def test_figures_are_those_of_their_formulas():
    bars = random_bars(400, seed=3)
    regime = classify(bars)
    assert regime.trend == pytest.approx(np.log(bars.close[-50:].mean() / bars.close[-200:].mean()))
    changes = np.diff(np.log(bars.close))
    assert regime.volatility_per_bar == pytest.approx(changes[-20:].std(ddof=1))
    past = [changes[end - 20 : end].std(ddof=1) for end in range(len(changes) - 229, len(changes) + 1)]
    assert regime.volatility_pct == pytest.approx(100 * np.mean(np.array(past[:-1]) < past[-1]))
    assert 0.0 <= regime.efficiency <= 1.0


def test_too_few_bars_are_unknown_and_the_needed_ones_are_enough():
    bars = random_bars(NEEDED_BARS, seed=1)
    assert classify(bars).name != "unknown"
    assert np.isfinite(classify(bars).volatility_pct)
    assert classify(bars[1:]).name == "unknown"
    assert classify(bars[:0]).name == "unknown"


def test_regime_depends_on_the_newest_bars_alone():
    bars = random_bars(600, seed=2)
    assert classify(bars[200:]) == classify(bars)
