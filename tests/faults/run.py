"""One run: jobs and faults by a seed, then peace, then the reckoning."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.faults.crowd import Crowd
from tests.faults.evidence import Evidence
from tests.faults.injections import FAULTS, programme
from tests.faults.invariants import Violation, p99, rescue_latencies, violations
from tests.faults.jobs import USERS, plan
from tests.faults.listeners import listeners_missed_nothing, unheard
from tests.faults.report import Report
from tests.faults.sampler import Sampler
from tests.faults.stage import Stage, disagreements, staged
from tests.faults.watcher import Watcher
from tests.waiting import eventually

CAPS = tuple(
    {"JOBS__FREE_MAX_RUNNING": "1", "JOBS__PREMIUM_MAX_RUNNING": "2"} | admin
    for admin in ({}, {"JOBS__ADMIN_MAX_RUNNING": "1"}, {"JOBS__ADMIN_MAX_RUNNING": "2"})
)
"""What users may run at once, of four slots."""
STUCK_AFTER_S = 120.0
"""So long nothing ended: then nothing will."""
HEALED_WITHIN_S = 60.0
DROPS_FRAC = 0.3
"""With so many faults a listener loses its connection, too."""

OnFault = Callable[[str, int], None]


def run(seed: int, *, jobs: int, faults: int, folder: Path, on_fault: OnFault = lambda _name, _ended: None) -> Report:
    """Return what one seed came to. The stage's logs stay in `folder`."""
    random = Random(seed)
    began = time.monotonic()
    with staged(folder, **random.choice(CAPS)) as stage, _playing(stage, random, jobs) as play:
        play.hurt(programme(random, faults), jobs, on_fault)
        found = play.heal()
        evidence = Evidence.of(stage, play.crowd.promises, play.sampler)
        found += play.reckon(evidence)
    latencies = rescue_latencies(evidence)
    heard = [watcher.heard for watcher in play.watchers]
    return Report(
        seed=seed,
        jobs=len(evidence.jobs),
        faults=faults,
        took_s=time.monotonic() - began,
        rescues=len(latencies),
        rescue_p99_s=p99(latencies),
        stall_s=evidence.stall_s,
        updates=sum(each.updates for each in heard),
        resumes=sum(each.recovered + each.started_over for each in heard),
        violations=found,
    )


@contextmanager
def _playing(stage: Stage, random: Random, jobs: int) -> Iterator["_Play"]:
    """Let users submit and listeners listen; within the block, all that they began ends."""
    tokens = {name: stage.platform.token(name, role) for name, role in USERS.items()}
    onlooker = stage.platform.token("onlooker", "admin")
    sampler = Sampler(stage.platform.database_url)
    watchers = [
        Watcher("steady", stage.urls, tokens["steady"], Random(random.random()), is_strict=True),
        Watcher("everything", stage.urls, onlooker, Random(random.random()), every=True),
    ]
    planned = plan(random, jobs)
    crowd = Crowd(planned, stage.urls, tokens, Random(random.random()), unfinished=lambda: sampler.unfinished)
    with ExitStack() as stack:
        for thread in (sampler, *watchers):
            thread.start()
            stack.callback(thread.end)
        for watcher in watchers:
            eventually(watcher.has_begun.is_set, timeout_s=HEALED_WITHIN_S, what=f"the watcher {watcher.name}")
        stack.callback(crowd.stop)
        crowd.start()
        yield _Play(stage, random, crowd, sampler, watchers)


@dataclass(frozen=True)
class _Play:
    stage: Stage
    random: Random
    crowd: Crowd
    sampler: Sampler
    watchers: Sequence[Watcher]

    def hurt(self, faults: Sequence[str], jobs: int, on_fault: OnFault) -> None:
        """Inject each fault when its share of the jobs has ended: which, when and on whom, the seed says."""
        for number, name in enumerate(faults):
            self._wait_for_ends(int(jobs * (number + self.random.random()) / (len(faults) + 1)))
            on_fault(name, self.sampler.ended)
            if self.random.random() < DROPS_FRAC:
                self.random.choice(self.watchers).drop()
            FAULTS[name](self.stage, self.random)

    def heal(self) -> list[Violation]:
        """Let everything come back, and every job end."""
        self.stage.thaw()
        self.stage.wait_ready()
        self._wait_for_ends()
        self.crowd.stop()
        self._wait_for_ends()  # what the last retries began
        return [] if self.crowd.is_done.is_set() else [Violation("I1", "not every job could be submitted")]

    def reckon(self, evidence: Evidence) -> list[Violation]:
        found = [*violations(evidence), *(Violation("I5", text) for text in self.sampler.over_cap)]
        with suppress(AssertionError):  # what is amiss is named below
            eventually(lambda: not disagreements(self.stage), timeout_s=HEALED_WITHIN_S)
        found += [Violation("I10", text) for text in disagreements(self.stage)]
        ids = {row["name"]: str(row["id"]) for row in self.stage.rows("SELECT name, id FROM users")}
        with suppress(AssertionError):
            eventually(lambda: not any(unheard(evidence, w, ids) for w in self.watchers), timeout_s=HEALED_WITHIN_S)
        return found + [Violation("I9", text) for text in listeners_missed_nothing(evidence, self.watchers, ids)]

    def _wait_for_ends(self, count: int | None = None) -> None:
        """Wait until so many jobs (or all) have ended, or none is left that could, or none ends any more."""
        self.sampler.refresh()
        last, since = self.sampler.ended, time.monotonic()
        while count is None or self.sampler.ended < count:
            if self.crowd.is_done.is_set() and self.sampler.unfinished == 0:
                return
            if self.sampler.ended != last:
                last, since = self.sampler.ended, time.monotonic()
            if time.monotonic() - since > STUCK_AFTER_S:
                return
            self.sampler.wait()
