import pytest

from backend.core.request_ids import VALID, current_request_id, request_id_of, serving


@pytest.mark.parametrize("given", ["abc-123", "0HM:00001", "a" * 128])
def test_safe_id_of_a_caller_is_kept(given: str) -> None:
    assert request_id_of(given) == given


@pytest.mark.parametrize("given", [None, "", "a" * 129, "two words", "new\nline", '"quoted"', "-leading", "é"])
def test_anything_else_is_replaced_by_one_of_ours(given: str | None) -> None:
    drawn = request_id_of(given)
    assert drawn != given
    assert VALID.fullmatch(drawn)


def test_id_is_bound_for_as_long_as_the_request_is_served() -> None:
    assert current_request_id() is None
    with serving("r1"):
        assert current_request_id() == "r1"
    assert current_request_id() is None
