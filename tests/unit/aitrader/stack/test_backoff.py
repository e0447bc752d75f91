from hypothesis import given
from hypothesis import strategies as st

from aitrader.stack.backoff import Backoff

UPTIMES_S = st.floats(0, 1000)


def test_pauses_double_up_to_the_longest():
    backoff = Backoff(first_s=0.25, longest_s=1.5, stable_after_s=30)
    assert [backoff.pause_s(uptime_s=1) for _ in range(5)] == [0.25, 0.5, 1.0, 1.5, 1.5]


def test_a_stable_time_starts_the_pauses_anew():
    backoff = Backoff(first_s=0.25, longest_s=15, stable_after_s=30)
    assert [backoff.pause_s(uptime_s) for uptime_s in (1, 1, 30, 1)] == [0.25, 0.5, 0.25, 0.5]


@given(st.lists(UPTIMES_S, max_size=200))
def test_every_pause_lies_between_the_first_and_the_longest(uptimes_s):
    backoff = Backoff()
    for uptime_s in uptimes_s:
        assert backoff.first_s <= backoff.pause_s(uptime_s) <= backoff.longest_s


@given(st.lists(st.floats(0, 29), min_size=2, max_size=100))
def test_pauses_never_shrink_without_a_stable_time(uptimes_s):
    backoff = Backoff(stable_after_s=30)
    pauses_s = [backoff.pause_s(uptime_s) for uptime_s in uptimes_s]
    assert pauses_s == sorted(pauses_s)
