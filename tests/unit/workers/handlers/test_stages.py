"""When a long job tells where it is, and that a short one is only asked whether it shall go on."""

import math
import time

import pytest

from backend.core.jobs.outcomes import GivenBack
from tests.contexts import Unwatched, make_context
from workers.handlers.stages import QUIET_S, Stages

SPANS = {"load": (0.0, 0.2), "work": (0.2, 1.0)}


class Watcher(Unwatched):
    def __init__(self):
        self.heard = []

    def report(self, fraction, stage, counters):
        self.heard.append((fraction, stage, dict(counters)))


def begun(seconds_ago: float, watcher: Watcher, **parts) -> Stages:
    stages = Stages(make_context(monitor=watcher, **parts), SPANS, symbols=2)
    stages._began = time.monotonic() - seconds_ago
    return stages


def test_a_job_that_is_over_in_a_moment_says_nothing():
    watcher = Watcher()
    begun(0.0, watcher).tell("work", 0.5)
    assert watcher.heard == []


def test_a_long_job_says_its_stage_its_fraction_of_the_whole_and_what_it_counted():
    watcher = Watcher()
    stages = begun(QUIET_S, watcher)
    stages.tell("load")
    stages.count(bars=7)
    stages.tell("work", 0.5)
    (_, first, _), (fraction, stage, counters) = watcher.heard
    assert (first, stage, counters) == ("load", "work", {"symbols": 2, "bars": 7})
    assert math.isclose(fraction, 0.6)


@pytest.mark.parametrize("age_s", [0.0, 2 * QUIET_S])
def test_whoever_shall_stop_is_told_so_however_young(age_s):
    with pytest.raises(GivenBack):
        begun(age_s, Watcher(), is_stopping=lambda: True).tell("load")
