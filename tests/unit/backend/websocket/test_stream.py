"""Ids of events: one for the places in all channels of a stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.core.events import CHANNELS
from backend.websocket.stream import cursors_of, event_id

cursors = st.builds(lambda epoch, number: f"{epoch:x}:{number}", st.integers(0, 2**48), st.integers(0, 10**15))


@given(st.lists(st.sampled_from(CHANNELS), min_size=1, unique=True), st.data())
def test_an_id_that_comes_back_names_the_same_places(channels: list[str], data: st.DataObject) -> None:
    known = data.draw(st.lists(st.sampled_from(channels), min_size=1, unique=True))
    places = {channel: data.draw(cursors) for channel in known}
    assert cursors_of(event_id(places, is_alone=len(channels) == 1), channels) == places


def test_a_lone_channel_has_the_cursor_of_the_websocket() -> None:
    assert event_id({"job_updates": "3f:41"}, is_alone=True) == "3f:41"
    assert cursors_of("3f:41", ["job_updates"]) == {"job_updates": "3f:41"}
    assert cursors_of("job_updates=3f:41", ["job_updates"]) == {"job_updates": "3f:41"}


def test_places_of_channels_that_are_not_wanted_any_more_are_left_out() -> None:
    assert cursors_of("job_updates=3f:41,trading_signals=a:1", ["job_updates"]) == {"job_updates": "3f:41"}
    assert cursors_of(None, ["job_updates"]) == {}
    assert cursors_of("", ["job_updates"]) == {}


@pytest.mark.parametrize(
    "text", ["41", "job_updates=41", "job_updates=", "zz:1", "a:1,b:2", "=", "job_updates=3f:41,x"]
)
def test_what_never_was_an_id_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="last_event_id"):
        cursors_of(text, ["job_updates"])


def test_a_lone_cursor_does_not_say_which_of_several_channels_it_is_of() -> None:
    with pytest.raises(Invalid, match="with several channels"):
        cursors_of("3f:41", ["job_updates", "trading_signals"])
