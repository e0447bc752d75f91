"""Several members as one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suggestion_engine.ensemble import NEEDED_BARS, Ensemble, reads_these_features, stacked, window_of, windows_of
from suggestion_engine.errors import TooFewBars
from suggestion_engine.member import Member, open_member
from tests.models import SETTINGS, universe, walk, write_model


@pytest.fixture
def members(tmp_path: Path) -> tuple[Member, Member]:
    first = write_model(tmp_path, "suggestion-a", lean=1.0, settings={"weight": 3.0, "min_edge": 0.1})
    second = write_model(
        tmp_path,
        "suggestion-b",
        lean=-0.2,
        weights={"return_1": 2.0},
        settings={"input": "sequence", "min_edge": 0.3, "returns": {**SETTINGS["returns"], "up_atr": 1.1}},
    )
    return open_member(*first), open_member(*second)


def test_windows_of_many_symbols_are_those_of_each():
    every = [walk(seed=seed) for seed in (3, 4, 5)]
    np.testing.assert_array_equal(windows_of(every), stacked([window_of(bars) for bars in every]))


def test_the_answer_is_the_mean_by_weight(members: tuple[Member, Member]) -> None:
    windows = stacked([window_of(walk(seed=seed)) for seed in (1, 2, 3)])
    scores = Ensemble(members).score(windows)
    each = [member.probabilities(member.inputs(windows)) for member in members]
    np.testing.assert_allclose(scores.mean, 0.75 * each[0] + 0.25 * each[1])
    np.testing.assert_allclose(scores.mean.sum(axis=1), 1.0)
    assert scores.of(2).buy == pytest.approx(float(scores.mean[2, 2]))
    assert scores.edges(1) == pytest.approx([float(one[1, 2] - one[1, 0]) for one in each])


def test_a_symbol_is_answered_alike_alone_and_among_others(members: tuple[Member, Member]) -> None:
    windows = stacked([window_of(walk(seed=seed)) for seed in range(5)])
    ensemble = Ensemble(members)
    together = ensemble.score(windows).mean
    alone = [ensemble.score(windows[i : i + 1]).mean[0] for i in range(5)]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_what_members_say_of_themselves_is_averaged_by_weight(members: tuple[Member, Member]) -> None:
    ensemble = Ensemble(members)
    assert ensemble.min_edge == pytest.approx(0.75 * 0.1 + 0.25 * 0.3)
    assert ensemble.returns.up_atr == pytest.approx(0.75 * 1.9 + 0.25 * 1.1)
    assert ensemble.returns.down_atr == pytest.approx(-1.9)


def test_no_symbols_are_no_scores(members: tuple[Member, Member]) -> None:
    assert Ensemble(members).score(stacked([])).mean.shape == (0, 3)


def test_too_few_bars_are_refused_and_just_enough_are_not() -> None:
    assert np.isfinite(window_of(walk(count=NEEDED_BARS))).all()
    with pytest.raises(TooFewBars, match=f"at least {NEEDED_BARS} bars, it had {NEEDED_BARS - 1}"):
        window_of(walk(count=NEEDED_BARS - 1))


def test_the_newest_bars_depend_on_no_older_ones() -> None:
    bars = walk(count=900)
    np.testing.assert_array_equal(window_of(bars), window_of(bars[-NEEDED_BARS:]))


def test_members_of_one_universe_are_asked_about_drift_once(members: tuple[Member, Member]) -> None:
    assert Ensemble(members).universes == members[:1]


def test_one_drifted_member_is_enough(tmp_path: Path) -> None:
    strict = {"drift": {"psi_max": 0.0, "dissimilarity_max": 0.0}}
    lax, shocked = (
        open_member(*write_model(tmp_path, f"suggestion-{i}", settings=s)) for i, s in enumerate(({}, strict))
    )
    window = window_of(walk(seed=11))
    assert not Ensemble((lax,)).drift(window).is_drifted
    report = Ensemble((lax, shocked)).drift(window)
    assert report.is_drifted
    assert len(report.reasons) == 2


def test_bars_that_are_nothing_like_the_universe_are_drifted(tmp_path: Path) -> None:
    limits = {"drift": {"psi_max": 1e6, "dissimilarity_max": 2.0}}
    ensemble = Ensemble((open_member(*write_model(tmp_path, settings=limits)),))
    healthy = window_of(walk(seed=1))
    wild = healthy.copy()
    wild[-1] = universe().center + 50 * universe().scale
    assert not ensemble.drift(healthy).is_drifted
    assert ensemble.drift(wild).is_drifted


def test_a_model_of_other_features_is_known_as_such(tmp_path: Path) -> None:
    assert reads_these_features(open_member(*write_model(tmp_path)))
    other = open_member(*write_model(tmp_path, "suggestion-old", feature_set="0" * 64))
    assert not reads_these_features(other)
