import re
from dataclasses import FrozenInstanceError, fields, replace
from typing import Annotated, get_args

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from market_data.errors import DomainError
from strategy_engine import STRATEGIES, AnyStrategy, RsiReversion, SmaCross, UniverseView
from strategy_engine.strategies import UniverseStrategy
from tests.unit.strategy_engine.price_series import random_bars

PAYLOAD = TypeAdapter(Annotated[AnyStrategy, Field(discriminator="kind")])


def test_the_table_names_every_strategy_by_its_kind():
    assert set(STRATEGIES.values()) == set(get_args(AnyStrategy))
    assert {kind: strategy().kind for kind, strategy in STRATEGIES.items()} == {kind: kind for kind in STRATEGIES}


@pytest.mark.parametrize("strategy", STRATEGIES.values())
def test_parameters_are_frozen_hashable_and_documented(strategy):
    with pytest.raises(FrozenInstanceError):
        strategy().kind = "other"
    assert hash(strategy()) == hash(strategy())
    assert strategy.__doc__
    assert "kw_only" not in strategy.__doc__  # not the text that dataclass writes when there is none


def test_a_payload_becomes_the_strategy_that_its_kind_names():
    assert PAYLOAD.validate_python({"kind": "sma_cross", "fast": 5}) == SmaCross(fast=5)
    assert PAYLOAD.validate_python({"kind": "rsi_reversion", "oversold": 25}) == RsiReversion(oversold=25.0)


@pytest.mark.parametrize(
    "payload",
    [
        {"kind": "sma_cross", "fast": 1},
        {"kind": "sma_cross", "fast": 50, "slow": 20},
        {"kind": "sma_cross", "fast": True},
        {"kind": "martingale"},
        {"fast": 5},
    ],
)
def test_a_payload_that_breaks_a_rule_is_a_validation_error(payload):
    with pytest.raises(ValidationError):
        PAYLOAD.validate_python(payload, strict=False)


@pytest.mark.parametrize("strategy", STRATEGIES.values())
def test_the_json_schema_shows_every_parameter_with_its_bounds(strategy):
    schema = TypeAdapter(strategy).json_schema()
    assert set(schema["properties"]) == {field.name for field in fields(strategy)}
    for name, shown in schema["properties"].items():
        is_bounded = "maximum" in shown and not {"minimum", "exclusiveMinimum"}.isdisjoint(shown)
        assert name == "kind" or is_bounded or "enum" in shown


@pytest.mark.parametrize("strategy", STRATEGIES.values())
def test_the_docstring_tells_every_parameter_and_a_source_with_its_year(strategy):
    told = " ".join(strategy.__doc__.split())
    assert re.search(r"[A-Z]\w+('s)? \((19|20)\d\d\)", told)
    for field in fields(strategy):
        assert field.name in {"kind", "direction"} or f"`{field.name}`" in told


@pytest.mark.parametrize("strategy", STRATEGIES.values())
def test_a_parameter_out_of_bounds_is_refused_by_its_name(strategy):
    for field in fields(strategy):
        with pytest.raises(DomainError, match=f"{field.name} must be"):
            strategy(**{field.name: "no such value"})
        if field.name not in {"kind", "direction", "weighting"}:
            with pytest.raises(DomainError, match=f"{field.name} must be"):
                strategy(**{field.name: 1e9})


@pytest.mark.parametrize("strategy", get_args(UniverseStrategy))
def test_a_strategy_of_several_symbols_says_so_when_given_one(strategy):
    universe = UniverseView([random_bars(30, seed=1)])
    with pytest.raises(
        DomainError, match=rf"{strategy.kind} trades (2 symbols or more|exactly 2 symbols), was given 1"
    ):
        strategy().weights(universe)


def test_two_strategies_of_a_pair_refuse_a_third_symbol():
    bars = [replace(random_bars(30, seed=seed), symbol=f"S{seed}") for seed in range(3)]
    with pytest.raises(DomainError, match="pairs trades exactly 2 symbols, was given 3"):
        STRATEGIES["pairs"]().weights(UniverseView(bars))


@pytest.mark.parametrize("kind", ["sma_cross", "ema_cross", "macd"])
def test_a_fast_length_that_is_not_below_the_slow_one_is_refused(kind):
    with pytest.raises(DomainError, match="fast must be below slow, was 30 with slow 30"):
        STRATEGIES[kind](fast=30, slow=30)


@pytest.mark.parametrize(
    ("kind", "parameters", "told"),
    [
        ("turtle", {"entry": 10, "exit": 20}, "exit must be at most entry"),
        ("opening_range", {"opening_min": 60, "session_min": 60}, "opening_min must be below session_min"),
        ("momentum_rotation", {"lookback": 20, "skip": 20}, "skip must be below lookback"),
        ("pairs", {"entry_z": 2.0, "stop_z": 2.0}, "exit_z must be below entry_z and that below stop_z"),
        ("pairs", {"entry_z": 1.0, "exit_z": 1.5}, "exit_z must be below entry_z"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(kind, parameters, told):
    with pytest.raises(DomainError, match=told):
        STRATEGIES[kind](**parameters)
