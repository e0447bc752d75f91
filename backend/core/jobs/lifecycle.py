"""The states of a job, and every move between them.

    scheduled  has a time to run that has not come      -> the relay queues it when due
    queued     may run now                              -> a worker claims it
    running    held by one worker under a lease         -> that worker ends it; the relay when the lease runs out
    waiting    has fanned out into children             -> whoever ends the last child wakes it, or else the relay
    succeeded, failed, cancelled                        -> terminal; only a retry by hand moves it again

A crash moves nothing: a running job whose worker is gone is moved by the worker's keeper or by the relay.
Every write of a state is a compare-and-set built from `MOVES`; zero rows moved is an answer, not an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class JobState(StrEnum):
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})
UNFINISHED = frozenset(JobState) - TERMINAL


class Move(StrEnum):
    FALL_DUE = "fall_due"
    CLAIM = "claim"
    SUCCEED = "succeed"
    FAIL = "fail"
    TRY_LATER = "try_later"
    GIVE_BACK = "give_back"
    FAN_OUT = "fan_out"
    WAKE = "wake"
    LOSE = "lose"
    STOP = "stop"
    CANCEL = "cancel"
    GIVE_UP = "give_up"
    RETRY_BY_HAND = "retry_by_hand"


@dataclass(frozen=True)
class Transition:
    """The states a move may start from, and the one it ends in."""

    sources: frozenset[JobState]
    target: JobState


def _from(*sources: JobState, to: JobState) -> Transition:
    return Transition(frozenset(sources), to)


S = JobState
MOVES: Mapping[Move, Transition] = MappingProxyType(
    {
        Move.FALL_DUE: _from(S.SCHEDULED, to=S.QUEUED),
        Move.CLAIM: _from(S.QUEUED, to=S.RUNNING),
        Move.SUCCEED: _from(S.RUNNING, to=S.SUCCEEDED),
        Move.FAIL: _from(S.RUNNING, to=S.FAILED),
        Move.TRY_LATER: _from(S.RUNNING, to=S.SCHEDULED),  # after an error, with backoff
        Move.GIVE_BACK: _from(S.RUNNING, to=S.QUEUED),  # a graceful stop; the attempt does not count
        Move.FAN_OUT: _from(S.RUNNING, to=S.WAITING),  # its children are queued; the attempt does not count
        Move.WAKE: _from(S.WAITING, to=S.QUEUED),  # no child is unfinished: the next claim merges
        Move.LOSE: _from(S.RUNNING, to=S.QUEUED),  # the worker is gone; the attempt counts
        Move.STOP: _from(S.RUNNING, to=S.CANCELLED),  # the running job noticed the request to cancel
        Move.CANCEL: _from(S.SCHEDULED, S.QUEUED, S.WAITING, to=S.CANCELLED),
        Move.GIVE_UP: _from(
            S.SCHEDULED, S.QUEUED, S.WAITING, to=S.FAILED
        ),  # its deadline has passed, or a child failed
        Move.RETRY_BY_HAND: _from(S.FAILED, S.CANCELLED, to=S.QUEUED),
    }
)
