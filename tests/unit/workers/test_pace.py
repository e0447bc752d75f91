"""How many short jobs a child claims at once."""

import pytest

from workers.pace import AT_MOST, FIRST, TOGETHER_S, Pace

INSTANT_S = 1e-4


@pytest.fixture
def pace() -> Pace:
    return Pace()


def test_a_child_begins_with_few(pace: Pace) -> None:
    assert pace.at_once("probe") == FIRST


def test_jobs_that_take_no_time_are_claimed_twice_as_many_at_a_time_up_to_the_most(pace: Pace) -> None:
    pace.note("probe", FIRST, FIRST * INSTANT_S)
    assert pace.at_once("probe") == 2 * FIRST
    for _ in range(10):
        pace.note("probe", FIRST, FIRST * INSTANT_S)
    assert pace.at_once("probe") == AT_MOST


def test_slow_jobs_are_claimed_as_many_as_run_in_a_moment(pace: Pace) -> None:
    pace.note("probe", 10, 10 * TOGETHER_S / 4)
    assert pace.at_once("probe") == 4


def test_jobs_longer_than_a_moment_are_claimed_one_by_one_until_they_are_quick_again(pace: Pace) -> None:
    pace.note("probe", FIRST, FIRST * 2 * TOGETHER_S)
    assert pace.at_once("probe") == 1
    pace.note("probe", 1, INSTANT_S)
    assert pace.at_once("probe") == 2


def test_one_queue_says_nothing_of_another(pace: Pace) -> None:
    pace.note("probe", FIRST, FIRST * 2 * TOGETHER_S)
    assert pace.at_once("sentiment_analysis") == FIRST
