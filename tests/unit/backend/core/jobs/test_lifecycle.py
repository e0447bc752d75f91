"""The table of moves against the picture in the documents, edge by edge."""

import pytest

from backend.core.jobs.lifecycle import MOVES, TERMINAL, UNFINISHED, JobState, Move

PICTURE = """
fall_due:      scheduled -> queued
claim:         queued -> running
succeed:       running -> succeeded
fail:          running -> failed
try_later:     running -> scheduled
give_back:     running -> queued
fan_out:       running -> waiting
wake:          waiting -> queued
lose:          running -> queued
stop:          running -> cancelled
cancel:        scheduled queued waiting -> cancelled
give_up:       scheduled queued waiting -> failed
retry_by_hand: failed cancelled -> queued
"""
LINES = [line.replace(":", " ").replace("->", " ").split() for line in PICTURE.split("\n") if line]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_move_is_as_drawn(line: list[str]) -> None:
    name, *sources, target = line
    transition = MOVES[Move(name)]
    assert (sorted(transition.sources), transition.target) == (sorted(sources), target)


def test_every_move_is_drawn() -> None:
    assert {line[0] for line in LINES} == set(Move) == set(MOVES)


def test_only_a_hand_moves_what_has_ended() -> None:
    for move, transition in MOVES.items():
        assert (move == Move.RETRY_BY_HAND) == bool(transition.sources & TERMINAL)


def test_every_unfinished_job_can_reach_an_end() -> None:
    reached = set(TERMINAL)
    for _ in JobState:
        reached |= {s for t in MOVES.values() if t.target in reached for s in t.sources}
    assert reached >= UNFINISHED


def test_every_state_is_either_finished_or_not() -> None:
    assert set(JobState) == TERMINAL | UNFINISHED
    assert not TERMINAL & UNFINISHED
