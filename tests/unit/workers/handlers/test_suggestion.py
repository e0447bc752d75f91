"""The job `suggestion`, over real graphs and random walks; everything around it is a bench."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.core.jobs.outcomes import InvalidJob, TryLater
from market_data.errors import NoBars, ProviderUnavailable
from suggestion_engine.evidence import Mood
from suggestion_engine.member import Member, open_member
from suggestion_engine.risk import Risk
from tests.models import walk, write_model
from tests.suggestion_bench import NOW, Bench
from workers.handlers.suggestion import EXPLAINED_AT_MOST

NewMember = Callable[..., Member]


@pytest.fixture
def new_member(tmp_path: Path) -> NewMember:
    def make(name: str = "suggestion-tiny", **options: Any) -> Member:
        return open_member(*write_model(tmp_path, name, **options))

    return make


@pytest.fixture
def bench(new_member: NewMember) -> Bench:
    """Two symbols up to yesterday, and a model that wants to buy."""
    return Bench(
        bars={"UP": walk("UP", seed=1, count=731), "DOWN": walk("DOWN", seed=2, count=731)},
        members=(new_member(lean=0.6),),
    )


def test_a_buy_tells_all_that_the_interface_promises(bench: Bench) -> None:
    bench.ledger.mood = {"UP": Mood(score=0.4, article_count=3, lookback_days=7)}
    outcome = bench.run("UP")
    found = outcome.result.suggestions[0]  # type: ignore[attr-defined]
    close = float(bench.bars["UP"].close[-1])  # type: ignore[union-attr]
    assert (found.symbol, found.action, found.reason) == ("UP", "buy", "edge")
    assert sum(found.probabilities.model_dump().values()) == pytest.approx(1.0)
    assert found.stop is not None
    assert found.target is not None
    assert found.stop < found.entry == close < found.target
    assert 0 < found.size_frac <= Risk().max_size_frac
    assert 0.5 <= found.confidence <= 1
    assert found.as_of == "2021-12-31T00:00:00Z"
    assert (found.data_age_s, found.horizon_bars, found.in_sample) == (0.0, 10, False)
    assert found.expected_return.low_frac < found.expected_return.mean_frac < found.expected_return.high_frac
    assert {fact.source for fact in found.evidence.agreeing} >= {"model", "sentiment"}
    assert [model.name for model in found.models] == ["suggestion-tiny"]
    assert bench.ledger.asked_until == [NOW]
    assert outcome.result.provenance.bars[0].symbol == "UP"  # type: ignore[attr-defined]
    assert found.warnings == ()


def test_each_suggestion_is_a_signal_in_the_table(bench: Bench) -> None:
    outcome = bench.run()
    assert [row.table for row in outcome.rows] == ["signals", "signals"]
    given = outcome.result.suggestions  # type: ignore[attr-defined]
    for row, one in zip(outcome.rows, given, strict=True):
        assert (row.values["symbol"], row.values["action"], row.values["entry"]) == (one.symbol, one.action, one.entry)
        assert row.values["as_of"] == datetime(2021, 12, 31, tzinfo=UTC)
        assert row.values["models"] == {"suggestion-tiny": one.models[0].version}
    assert len({row.values["id"] for row in outcome.rows}) == 2


def test_summary_counts_the_actions_and_names_the_surest(bench: Bench) -> None:
    summary = bench.run().summary
    assert summary is not None
    assert re.fullmatch(r"\d buy, \d sell, \d hold, surest buy \w+ \(\d+%\)", summary), summary


def test_a_sell_is_the_other_way_round(bench: Bench, new_member: NewMember) -> None:
    bench.members = (new_member("suggestion-bear", lean=-0.6),)
    found = bench.one("UP")
    assert found.action == "sell"
    assert found.stop is not None
    assert found.target is not None
    assert found.target < found.entry < found.stop


def test_no_edge_is_a_hold_of_size_nothing(bench: Bench, new_member: NewMember) -> None:
    bench.members = (new_member("suggestion-calm", lean=0.01),)
    found = bench.one("UP")
    assert (found.action, found.reason, found.size_frac, found.stop, found.target) == ("hold", "no_edge", 0, None, None)


def test_drift_makes_a_hold_of_low_confidence(bench: Bench, new_member: NewMember) -> None:
    limits = {"drift": {"psi_max": 1e6, "dissimilarity_max": 0.0}}
    bench.members = (new_member("suggestion-strict", lean=0.6, settings=limits),)
    found = bench.one("UP")
    assert (found.action, found.reason, found.size_frac) == ("hold", "low_confidence", 0)
    assert found.confidence <= 0.2
    assert found.drift.is_drifted
    assert "dissimilarity" in found.drift.reasons[0]


def test_an_expired_model_answers_and_says_so(bench: Bench, new_member: NewMember) -> None:
    bench.members = (new_member(expires_at=date(2021, 6, 30), lean=0.6),)
    result = bench.suggest("UP")
    assert result.suggestions[0].models[0].is_expired
    assert any("expired on 2021-06-30" in warning for warning in result.warnings)
    assert any("expired on 2021-06-30" in warning for warning in result.suggestions[0].warnings)


@pytest.mark.parametrize(
    ("trained_to", "held_out", "in_sample", "told"),
    [
        (date(2021, 12, 30), (), False, None),
        (date(2021, 12, 31), (), True, "they may have learnt what followed"),
        (date(2021, 12, 31), ("UP",), True, "the symbol was held out of it"),
    ],
)
def test_bars_inside_the_training_span_are_in_sample(
    bench: Bench,
    new_member: NewMember,
    *,
    trained_to: date,
    held_out: tuple[str, ...],
    in_sample: bool,
    told: str | None,
) -> None:
    bench.members = (new_member(trained_to=trained_to, held_out_symbols=held_out),)
    found = bench.one("UP")
    assert found.in_sample is in_sample
    assert [told in warning for warning in found.warnings] == ([] if told is None else [True])


def test_stale_bars_are_flagged_with_their_age(bench: Bench) -> None:
    bench.now = NOW + timedelta(days=30)
    found = bench.one("UP")
    assert found.data_age_s == 30 * 86_400
    assert [warning for warning in found.warnings if "closed 30.0 days ago" in warning]


def test_a_look_back_is_not_stale_but_old(bench: Bench) -> None:
    found = bench.one("UP", end=date(2021, 6, 30))
    assert (found.as_of, found.warnings) == ("2021-06-30T00:00:00Z", ())
    assert found.data_age_s == (NOW - datetime(2021, 7, 1, tzinfo=UTC)).total_seconds()


def test_a_bar_that_is_still_forming_is_left_out(bench: Bench) -> None:
    bench.now = NOW - timedelta(minutes=1)
    assert bench.one("UP").as_of == "2021-12-30T00:00:00Z"


def test_a_look_back_says_what_was_said_then(bench: Bench) -> None:
    then = bench.one("UP", end=date(2021, 6, 30))
    bench.bars["UP"] = walk("UP", seed=1, count=731)[:547]
    assert bench.one("UP").probabilities == then.probabilities


def test_one_bad_symbol_never_sinks_the_others(bench: Bench) -> None:
    bench.bars |= {
        "SHORT": walk("SHORT", count=300),
        "GONE": NoBars("no bars of GONE"),
        "AWAY": ProviderUnavailable("no answer"),
        "WILD": flat_then_wild(),
    }
    result = bench.suggest("UP", "SHORT", "GONE", "AWAY", "LOST", "WILD", "DOWN", "UP")
    assert [one.symbol for one in result.suggestions] == ["UP", "DOWN"]
    assert {(one.symbol, one.code) for one in result.failures} == {
        ("SHORT", "too_few_bars"),
        ("GONE", "no_bars"),
        ("AWAY", "provider_unavailable"),
        ("LOST", "unknown_symbol"),
        ("WILD", "invalid_value"),
    }
    assert "must have at least" in next(one.message for one in result.failures if one.symbol == "SHORT")


def test_when_no_provider_answers_at_all_the_job_is_tried_later(bench: Bench) -> None:
    bench.bars = {symbol: ProviderUnavailable("no answer", retry_after_s=2.0) for symbol in ("A", "B")}
    with pytest.raises(TryLater) as raised:
        bench.run()
    assert (raised.value.code, raised.value.after_s) == ("provider_unavailable", 2.0)


def test_without_any_symbol_left_the_answer_is_failures_alone(bench: Bench) -> None:
    result = bench.suggest("LOST")
    assert (result.suggestions, [one.code for one in result.failures]) == ((), ["unknown_symbol"])


def test_without_a_model_the_job_says_why(bench: Bench) -> None:
    bench.members, bench.model_warnings = (), ("suggestion-tiny refused: swapped",)
    with pytest.raises(InvalidJob, match="no suggestion model serves; suggestion-tiny refused: swapped") as raised:
        bench.run()
    assert raised.value.code == "no_model"


def test_a_model_of_other_features_is_left_out_with_a_warning(bench: Bench, new_member: NewMember) -> None:
    old = new_member("suggestion-old", feature_set="0" * 64)
    bench.members = (old, *bench.members)
    result = bench.suggest("UP")
    assert [model.name for model in result.suggestions[0].models] == ["suggestion-tiny"]
    assert any("suggestion-old" in warning and "other features" in warning for warning in result.warnings)
    bench.members = (old,)
    with pytest.raises(InvalidJob, match="other features") as raised:
        bench.run()
    assert raised.value.code == "no_model"


@pytest.mark.parametrize(
    ("payload", "code", "told"),
    [
        ({"timeframe": "1h"}, "no_model_for_timeframe", r"\(1d\), it was 1h"),
        ({"horizon": 5}, "no_model_for_horizon", r"\(10 bars\), it was 5"),
        ({"models": ("crystal-ball",)}, "unknown_model", r"\(suggestion-tiny\), they were suggestion-crystal-ball"),
    ],
)
def test_what_no_model_offers_is_refused_with_what_there_is(
    bench: Bench, payload: dict[str, Any], code: str, told: str
) -> None:
    with pytest.raises(InvalidJob, match=told) as raised:
        bench.run(**payload)
    assert raised.value.code == code


@pytest.mark.parametrize("name", ["tiny", "suggestion-tiny"])
def test_models_are_chosen_by_name_with_or_without_prefix(bench: Bench, new_member: NewMember, name: str) -> None:
    bench.members = (*bench.members, new_member("suggestion-other", lean=-0.6))
    assert len(bench.one("UP").models) == 2
    assert [model.name for model in bench.one("UP", models=(name,)).models] == ["suggestion-tiny"]


def test_models_of_another_horizon_are_asked_only_for_it(bench: Bench, new_member: NewMember) -> None:
    bench.members = (*bench.members, new_member("suggestion-slow", horizon_bars=20, settings={"weight": 0.5}))
    result = bench.suggest("UP")
    assert (result.suggestions[0].horizon_bars, len(result.suggestions[0].models)) == (10, 1)
    assert any("suggestion-slow looks 20 bars ahead" in warning for warning in result.warnings)
    assert bench.one("UP", horizon=20).models[0].name == "suggestion-slow"


def test_members_that_disagree_stand_on_both_sides(bench: Bench, new_member: NewMember) -> None:
    bench.members = (*bench.members, new_member("suggestion-bear", lean=-0.3, settings={"weight": 0.3}))
    found = bench.one("UP")
    assert found.action == "buy"
    assert "suggestion-tiny" in {fact.name for fact in found.evidence.agreeing}
    assert "suggestion-bear" in {fact.name for fact in found.evidence.disagreeing}


def test_only_the_surest_of_many_are_explained(bench: Bench, new_member: NewMember) -> None:
    count = EXPLAINED_AT_MOST + 3
    bench.bars = {f"S{i}": walk(f"S{i}", seed=i, count=400, first="2020-11-27") for i in range(count)}
    bench.members = (new_member("suggestion-mixed", weights={"return_20": 5.0}),)
    result = bench.suggest()
    explained = [one for one in result.suggestions if one.explanation]
    others = [one for one in result.suggestions if not one.explanation]
    assert len(explained) == EXPLAINED_AT_MOST
    assert any(one.action != "hold" for one in explained)
    acting = [one.confidence for one in others if one.action != "hold"]
    assert not acting or max(acting) <= min(one.confidence for one in explained if one.action != "hold")
    assert result.warnings == (f"3 of {count} suggestions are not explained; ask for 20 symbols or fewer",)


def flat_then_wild() -> Any:
    """Return bars whose levels no float can hold."""
    calm = walk("WILD", count=400)
    return type(calm).from_arrays(
        symbol="WILD",
        timeframe="1d",
        time=calm.time,
        open=np.full(400, 1e308),
        high=np.full(400, 1.7e308),
        low=np.full(400, 1e300),
        close=np.full(400, 1e308),
        volume=calm.volume,
    )
