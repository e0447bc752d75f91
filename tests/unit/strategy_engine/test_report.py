import pickle

import numpy as np
from numpy.testing import assert_array_equal

from strategy_engine import SmaCross, run
from tests.unit.strategy_engine.price_series import random_bars


def test_a_curve_of_at_most_500_points_shows_the_deepest_drawdown():
    report = run(random_bars(3_000, seed=2), SmaCross(fast=5, slow=20))
    curve = report.equity_curve()
    assert len(curve) <= 500
    drawdown = (curve.equity / np.maximum.accumulate(curve.equity) - 1.0).min()
    assert drawdown == report.metrics.max_drawdown


def test_a_curve_can_be_asked_for_in_fewer_points():
    assert len(run(random_bars(300, seed=2), SmaCross()).equity_curve(max_points=20)) <= 20


def test_a_report_travels_between_processes():
    report = run(random_bars(300, seed=2), SmaCross(fast=5, slow=20))
    copy = pickle.loads(pickle.dumps(report))
    assert_array_equal(copy.equity, report.equity)
    assert copy.strategy == report.strategy
    assert repr(copy.metrics) == repr(report.metrics)  # by their text, because NaN is not even itself
    assert copy.trades.to_pandas().equals(report.trades.to_pandas())
