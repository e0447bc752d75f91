import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.events import Cursor, Kind, Message
from backend.websocket.outbox import CONFLATE_FROM, Outbox, Overflow, Tally


def outbox(*, messages: int = 100, size: int = 10_000, on_overflow: Callable[[], None] = lambda: None) -> Outbox:
    return Outbox(max_pending=messages, max_pending_bytes=size, on_overflow=on_overflow)


def drained(box: Outbox) -> list[str]:
    async def drain() -> list[str]:
        return [await box.get() for _ in range(len(box))]

    return asyncio.run(drain())


def test_messages_come_out_in_the_order_they_went_in() -> None:
    box = outbox()
    for text in ("a", "b", "c"):
        box.put(text)
    assert drained(box) == ["a", "b", "c"]


def test_get_waits_for_the_next_message() -> None:
    async def scene() -> str:
        box = outbox()
        getting = asyncio.create_task(box.get())
        await asyncio.sleep(0)
        assert not getting.done()
        box.put("late")
        return await asyncio.wait_for(getting, 5)

    assert asyncio.run(scene()) == "late"


def test_client_that_keeps_up_sees_every_step() -> None:
    box = outbox()
    steps = [f"step {i}" for i in range(CONFLATE_FROM)]
    for step in steps:
        box.put(step, kind=Kind.PROGRESS, key="job")
    assert drained(box) == steps


def test_newer_progress_takes_the_place_of_older_when_much_waits() -> None:
    box = outbox()
    for i in range(CONFLATE_FROM):
        box.put(f"state {i}")
    for i in range(1_000):
        box.put(f"a {i}", kind=Kind.PROGRESS, key="a")
        box.put(f"b {i}", kind=Kind.PROGRESS, key="b")
    assert drained(box)[CONFLATE_FROM:] == ["a 999", "b 999"]


def test_states_and_endings_are_never_replaced() -> None:
    box = outbox()
    for i in range(CONFLATE_FROM):
        box.put(f"filler {i}")
    for kind in (Kind.STATE, Kind.PROGRESS, Kind.FINAL, Kind.STATE, Kind.PROGRESS):
        box.put(kind, kind=kind, key="job")
    assert drained(box)[CONFLATE_FROM:] == ["state", "final", "state", "progress"]


@pytest.mark.parametrize(("messages", "size"), [(3, 10_000), (100, 30)], ids=["count", "bytes"])
def test_too_much_overflows_and_keeps_nothing(messages: int, size: int) -> None:
    async def scene() -> None:
        box = outbox(messages=messages, size=size)
        for _ in range(3):
            box.put("x" * 10)
        assert len(box) == 3
        box.put("x" * 10)
        box.put("after")
        assert len(box) == 0
        with pytest.raises(Overflow):
            await box.get()

    asyncio.run(scene())


def test_overflow_is_told_at_once_and_only_once() -> None:
    told: list[int] = []
    box = outbox(messages=1, on_overflow=lambda: told.append(1))
    box.put("a")
    assert told == []
    box.put("b")
    box.put("c")
    assert told == [1]


def test_overflow_wakes_who_gets_with_its_news() -> None:
    async def scene() -> None:
        box = outbox(messages=1)
        getting = asyncio.create_task(box.get())
        await asyncio.sleep(0)
        box.put("a")
        box.put("b")
        with pytest.raises(Overflow):
            await asyncio.wait_for(getting, 5)

    asyncio.run(scene())


def test_nobody_is_told_that_an_overflowed_outbox_is_empty() -> None:
    async def scene() -> None:
        box = outbox(messages=1)
        box.put("a")
        waiting = asyncio.create_task(box.emptied())
        await asyncio.sleep(0)
        box.put("b")
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(scene())


def test_message_with_its_own_limit_counts_no_bytes() -> None:
    box = outbox(size=10)
    box.put("x" * 1_000, has_own_limit=True)
    box.put("y" * 10)
    assert drained(box) == ["x" * 1_000, "y" * 10]


@pytest.mark.parametrize(("count", "length", "fits"), [(5, 10, True), (6, 10, False), (5, 11, False)])
def test_room_is_half_of_what_may_wait(count: int, length: int, fits: bool) -> None:
    messages = [Message(Cursor("e", i), "k", Kind.STATE, "x" * length) for i in range(count)]
    assert outbox(messages=10, size=100).has_room_for(messages) is fits


@given(st.lists(st.tuples(st.sampled_from(list(Kind)), st.sampled_from("abc")), max_size=120))
def test_whatever_goes_in_only_older_progress_is_left_out(puts: list[tuple[Kind, str]]) -> None:
    box = outbox(messages=1_000)
    for number, (kind, key) in enumerate(puts):
        box.put(str(number), kind=kind, key=key)
    out = [int(text) for text in drained(box)]
    assert out == sorted(out)
    for number in set(range(len(puts))) - set(out):
        kind, key = puts[number]
        assert kind == Kind.PROGRESS
        assert (Kind.PROGRESS, key) in puts[number + 1 :], "the newest of each stays"


@pytest.mark.parametrize(("length", "count"), [(10, 5), (20, 2), (51, 0)])
def test_as_many_of_the_first_as_there_is_room_for_fit(length: int, count: int) -> None:
    messages = [Message(Cursor("e", i), "k", Kind.STATE, "x" * length) for i in range(9)]
    assert outbox(messages=10, size=100).fitting(messages) == messages[:count]


def test_emptied_waits_for_the_last_to_be_taken() -> None:
    async def scene() -> None:
        box = outbox()
        await asyncio.wait_for(box.emptied(), 5)
        box.put("a")
        box.put("b")
        waiting = asyncio.create_task(box.emptied())
        await box.get()
        await asyncio.sleep(0)
        assert not waiting.done()
        await box.get()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(scene())


def test_tally_counts_what_is_let_go_and_how_long_the_slowest_client_takes_nothing() -> None:
    tally = Tally()
    slow = Outbox(max_pending=CONFLATE_FROM + 2, max_pending_bytes=10_000, tally=tally)
    quick = Outbox(max_pending=100, max_pending_bytes=10_000, tally=tally)
    quick.put("only")
    assert drained(quick) == ["only"]
    assert tally.lag_s == 0.0, "nothing waits"
    for _ in range(CONFLATE_FROM):
        slow.put("state")
    slow.put("older", kind=Kind.PROGRESS, key="job")
    slow.put("newer", kind=Kind.PROGRESS, key="job")
    assert (tally.conflated, tally.overflowed) == (1, 0)
    slow.moved_at -= 7
    assert 7 <= tally.lag_s < 60
    for _ in range(3):
        slow.put("state")
    assert tally.overflowed == 1
    del slow
    assert tally.lag_s == 0.0, "a client that is gone lags no more"
