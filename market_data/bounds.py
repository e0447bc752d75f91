"""Checks parameters against the bounds that their annotations state.

Parameter dataclasses are payload fields of the API, where pydantic reads the same annotations. Here they hold
in a notebook too, where nobody validates for us. Standard library only: the web process imports this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from functools import cache
from numbers import Integral, Real
from reprlib import repr as short_repr
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from market_data.errors import DomainError

Bound = Ge | Gt | Le | Lt

BY_KIND: Final[Mapping[str, str]] = MappingProxyType({"discriminator": "kind"})
"""`metadata` of a field that is a union of dataclasses told apart by `kind`: what pydantic reads there."""


def settle(parameters: object) -> None:
    """Store each field as a plain number or text; raise DomainError at the first that breaks its annotation.

    parameters: a dataclass (frozen ones too) that calls this from its `__post_init__`. Fields are annotated
    `int`, `float`, `bool` or `Literal`, numbers perhaps with bounds of annotated_types; by a dataclass or a
    union of them; `tuple[X, ...]` of any of these, for which a list is welcome; and `X | None`. numpy numbers
    become plain ones, and a whole number is welcome as a float. As numbers, booleans, texts, NaN and infinity
    are refused.
    """
    parameters_type: type = type(parameters)
    for rule in _rules(parameters_type):
        object.__setattr__(parameters, rule.name, rule.settled(getattr(parameters, rule.name)))


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    expected: str
    convert: Callable[[Any], object | None]  # None says no; the value comes from outside and may be anything
    bounds: tuple[Bound, ...] = ()
    is_optional: bool = False

    def settled(self, value: object) -> object:
        if value is None and self.is_optional:
            return None
        plain = self.convert(value)
        if plain is None or not all(_holds(bound, plain) for bound in self.bounds):
            raise DomainError(f"{self.name} must be {self.expected}, was {short_repr(value)}")
        return plain


@cache
def _rules(parameters_type: type) -> tuple[_Rule, ...]:
    hints = get_type_hints(parameters_type, include_extras=True)
    return tuple(_rule(name, hint) for name, hint in hints.items())


def _rule(name: str, hint: object) -> _Rule:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _union(name, get_args(hint))
    if origin is tuple:
        return _tuple(name, get_args(hint)[0])
    if origin is Literal:
        choices = get_args(hint)
        expected = " or ".join(repr(choice) for choice in choices)
        return _Rule(name, expected, lambda value: value if isinstance(value, str) and value in choices else None)
    if is_dataclass(hint):
        return _instance(name, (hint,))
    number, *bounds = get_args(hint) if origin is Annotated else (hint,)
    noun, convert = _NUMBERS[number]
    return _Rule(name, _expectation(noun, tuple(bounds)), convert, tuple(bounds))


def _union(name: str, members: tuple[Any, ...]) -> _Rule:
    some = tuple(member for member in members if member is not NoneType)
    inner = _rule(name, some[0]) if len(some) == 1 else _instance(name, some)
    if len(some) == len(members):
        return inner
    return replace(inner, expected=f"{inner.expected} or None", is_optional=True)


def _instance(name: str, classes: tuple[Any, ...]) -> _Rule:
    expected = " or ".join(member.__name__ for member in classes)
    return _Rule(name, expected, lambda value: value if isinstance(value, classes) else None)


def _tuple(name: str, item: object) -> _Rule:
    inner = _rule(name, item)

    def convert(values: object) -> object | None:
        if not isinstance(values, list | tuple):
            return None
        return tuple(inner.settled(value) for value in values)

    return _Rule(name, f"several, each {inner.expected}", convert)


def _expectation(noun: str, bounds: tuple[Bound, ...]) -> str:
    limits = " and ".join(f"{sign} {limit:g}" for sign, limit in map(_sign_and_limit, bounds))
    return f"{noun} {limits}".rstrip()


def _holds(bound: Bound, value: Any) -> bool:
    match bound:
        case Ge(ge=limit):
            return bool(value >= limit)
        case Gt(gt=limit):
            return bool(value > limit)
        case Le(le=limit):
            return bool(value <= limit)
        case Lt(lt=limit):
            return bool(value < limit)


def _sign_and_limit(bound: Bound) -> tuple[str, Any]:
    match bound:
        case Ge(ge=limit):
            return ">=", limit
        case Gt(gt=limit):
            return ">", limit
        case Le(le=limit):
            return "<=", limit
        case Lt(lt=limit):
            return "<", limit


def _as_int(value: object) -> int | None:
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def _as_float(value: object) -> float | None:
    if not isinstance(value, Real) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond the range of a double
        return None
    return number if math.isfinite(number) else None


def _as_bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


_NUMBERS: Final[dict[object, tuple[str, Callable[[object], object | None]]]] = {
    bool: ("true or false", _as_bool),
    int: ("a whole number", _as_int),
    float: ("a finite number", _as_float),
}
