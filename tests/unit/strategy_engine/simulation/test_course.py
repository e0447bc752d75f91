"""A long simulation runs in parts where somebody listens: nothing of it differs, and it can be ended."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from strategy_engine import Account, Exits, FractionDistance, SmaCross, run
from strategy_engine.simulation.course import BARS_AT_ONCE
from strategy_engine.strategies import PeriodicRebalance
from tests.unit.strategy_engine.simulation.test_loop import random_bars

SYMBOLS, COUNT = 50, 5_000
BARS = [random_bars(k, count=COUNT, step=0.002, symbol=f"S{k:02d}") for k in range(SYMBOLS)]
EXITS = Exits(stop_loss=FractionDistance(frac=0.01), time_stop_bars=30)


class Often:
    """Enters long or short and leaves at one close in ten."""

    def signals(self, view):
        flags = np.random.default_rng(1).random((4, len(view))) < 0.1
        return view.signals(entries=flags[0], exits=flags[1], short_entries=flags[2], short_exits=flags[3])


class Enough(Exception):
    pass


class Listener:
    """Hears what a backtest tells, and has enough of it after so many words."""

    def __init__(self, words: int = 1_000) -> None:
        self.heard: list[tuple[str, float]] = []
        self.words = words

    def __call__(self, stage: str, fraction: float) -> None:
        self.heard.append((stage, fraction))
        if len(self.heard) == self.words:
            raise Enough


@pytest.mark.parametrize("strategy", [Often(), PeriodicRebalance()], ids=["signals", "weights"])
def test_parts_give_the_same_bytes_as_the_whole(strategy):
    assert COUNT > 2 * (BARS_AT_ONCE // SYMBOLS), "there are several parts"
    account = Account(cash=1e6, cash_rate=0.02, borrow_rate=0.05, leverage=2.0)
    settings = {"account": account, "exits": EXITS}
    whole, parts = run(BARS, strategy, **settings), run(BARS, strategy, **settings, meanwhile=Listener())
    assert len(whole.trades) > 100
    for name in ("equity", "cash", "exposure"):
        assert getattr(whole, name).tobytes() == getattr(parts, name).tobytes()
    for ours, theirs in ((whole.trades, parts.trades), (whole.rejections, parts.rejections)):
        for name, column in ours.columns().items():
            assert_array_equal(column, theirs.columns()[name], err_msg=name)
    assert (whole.interest, whole.ambiguous_bar_frac) == (parts.interest, parts.ambiguous_bar_frac)


def test_a_listener_hears_every_stage_in_its_order_and_fractions_that_grow():
    listener = Listener()
    run(BARS, Often(), exits=EXITS, meanwhile=listener)
    stages = [stage for stage, _ in listener.heard]
    assert list(dict.fromkeys(stages)) == ["decide", "simulate", "measure"]
    assert listener.heard == sorted(listener.heard, key=lambda told: (stages.index(told[0]), told[1]))
    assert (stages.count("decide"), stages.count("simulate")) == (SYMBOLS, 3)
    assert all(0.0 <= fraction < 1.0 for _, fraction in listener.heard)


@pytest.mark.parametrize("words", [1, SYMBOLS + 2])
def test_a_listener_that_raises_ends_the_run(words):
    listener = Listener(words)
    with pytest.raises(Enough):
        run(BARS, Often(), exits=EXITS, meanwhile=listener)
    assert len(listener.heard) == words


def test_a_plain_run_tells_its_stages_too():
    listener = Listener()
    run(BARS[0], SmaCross(), meanwhile=listener)
    assert listener.heard == [("decide", 0.0), ("measure", 0.0)]
