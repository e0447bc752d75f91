import pickle

import pytest

from market_data import errors
from market_data.errors import DomainError, ImportRefused, ProviderUnavailable, require


def family(error_type: type[DomainError]) -> list[type[DomainError]]:
    """Return the class and all that derive from it in this module."""
    children = [kind for kind in error_type.__subclasses__() if kind.__module__ == errors.__name__]
    return [error_type, *(kind for child in children for kind in family(child))]


ALL_ERRORS = family(DomainError)


def test_codes_are_distinct_and_known():
    assert {error.code for error in ALL_ERRORS} == {
        "invalid_value",
        "invalid_bars",
        "invalid_symbol",
        "unknown_symbol",
        "no_bars",
        "provider_unavailable",
        "provider_timed_out",
        "rate_limited",
        "news_refused",
        "key_refused",
        "import_refused",
    }


@pytest.mark.parametrize("error_type", ALL_ERRORS)
def test_every_error_is_a_value_error_drawn_in_the_tree(error_type):
    assert issubclass(error_type, ValueError)
    assert error_type.__name__ in errors.__doc__
    assert error_type.code in errors.__doc__


@pytest.mark.parametrize(
    "error",
    [
        *(error_type("what was expected, what it was") for error_type in ALL_ERRORS),
        ProviderUnavailable("asleep", retry_after_s=2.5),
        ImportRefused("high 9.5 below low 10.0", line=17),
    ],
)
def test_errors_survive_pickling(error):
    restored = pickle.loads(pickle.dumps(error))
    assert type(restored) is type(error)
    assert str(restored) == str(error)
    assert vars(restored) == vars(error)


def test_import_refused_names_its_line():
    assert str(ImportRefused("high 9.5 below low 10.0", line=17)) == "line 17: high 9.5 below low 10.0"
    assert ImportRefused("the file is empty").line is None


def test_require_raises_only_when_the_condition_fails():
    require(True, "never")
    with pytest.raises(DomainError, match="fast must be below slow"):
        require(False, "fast must be below slow")
