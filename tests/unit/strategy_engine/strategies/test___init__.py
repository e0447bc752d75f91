from dataclasses import FrozenInstanceError, fields
from typing import Annotated, get_args

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from strategy_engine import STRATEGIES, AnyStrategy, RsiReversion, SmaCross

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
        assert name == "kind" or {"minimum", "maximum"} <= set(shown)
