"""The invariants, checked after a run from what users were told, from the rows and from the ledger.

I1  every accepted job ends                         I6  lost jobs move on within the lease, a relay's round and 2 s
I2  one result and one effect of each success       I7  a cancel that was acknowledged is not followed by a success
I3  nothing is written under a stale lease          I8  attempts never exceed what was allowed
I4  attempts overlap only where a lease ran out     I9  no listener misses an end without being told
I5  nobody runs more than allowed at once           I10 Redis and the lanes agree with the rows again
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import psutil

from backend.core.jobs.lifecycle import MOVES
from tests.faults.evidence import Evidence
from tests.faults.ledger import Entry
from tests.faults.stage import LEASE_S, RELAY_INTERVAL_S

FINAL = frozenset({"succeeded", "failed", "cancelled"})
STEPS = frozenset((str(source), str(way.target)) for way in MOVES.values() for source in way.sources)
OUTCOME_LEADS_TO: Mapping[str, frozenset[str]] = {
    "succeeded": frozenset({"succeeded"}),
    "failed": frozenset({"failed", "scheduled"}),
    "cancelled": frozenset({"cancelled"}),
    "given_back": frozenset({"queued"}),
    "lost": frozenset({"queued", "failed"}),
    "timed_out": frozenset({"failed"}),
}
MOST_LOAD_PER_CORE = 4.0
RESCUED_WITHIN_S = LEASE_S + RELAY_INTERVAL_S + 2.0


@dataclass(frozen=True)
class Violation:
    invariant: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.text}"


def violations(evidence: Evidence) -> Sequence[Violation]:
    """Return what was broken of I1 to I8."""
    checks = {
        "I1": every_accepted_job_ended,
        "I2": one_effect_of_each_success,
        "I3": nothing_was_written_under_a_stale_lease,
        "I4": attempts_overlap_only_where_a_lease_ran_out,
        "I5": nobody_ran_more_than_allowed,
        "I6": lost_jobs_moved_on_in_time,
        "I7": no_success_followed_a_cancel,
        "I8": attempts_stayed_within_bounds,
        "moves": every_change_is_a_move,
    }
    return [Violation(name, text) for name, check in checks.items() for text in check(evidence)]


def every_accepted_job_ended(evidence: Evidence) -> Iterator[str]:
    for job_id, wanted in evidence.promises.accepted.items():
        job = evidence.jobs.get(job_id)
        if job is None:
            yield f"{job_id} was accepted and is not there"
            continue
        ends = wanted.ends | ({"cancelled"} if job_id in evidence.promises.cancelled else set())
        if job_id in evidence.promises.retried:
            ends |= {"succeeded", "failed"}  # a retry by hand starts where the failures ended
        if job["state"] in FINAL and job["state"] not in ends:
            yield f"{job_id} ended as {job['state']}, not {'/'.join(sorted(ends))}: {wanted.payload}, {job['error']}"
        code = None if job["error"] is None else job["error"]["code"]
        if wanted.error_code is not None and job["state"] == "failed" and code != wanted.error_code:
            yield f"{job_id} failed with {code}, not {wanted.error_code}"
    for job in evidence.jobs.values():  # also those whose 202 got lost
        if job["state"] not in FINAL:
            yield f"{job['id']} is still {job['state']}"
    yield from evidence.promises.broken


def one_effect_of_each_success(evidence: Evidence) -> Iterator[str]:
    for job in evidence.jobs.values():
        count, expected = len(evidence.effects.get(job["id"], ())), int(job["state"] == "succeeded")
        if count != expected:
            yield f"{job['id']} {job['state']} with {count} effects"
        if job["state"] == "succeeded" and job["has_no_result"]:
            yield f"{job['id']} succeeded without a result"


def nothing_was_written_under_a_stale_lease(evidence: Evidence) -> Iterator[str]:
    """Each lease ends once, in one transaction, as its attempt says; effects come with the success, and only then."""
    for job_id, entries in evidence.history.items():
        attempts = evidence.attempts.get(job_id, ())
        ends = {entry.token_before: entry for entry in entries if entry.ends_attempt}
        told = Counter(attempt["token"] for attempt in attempts)
        yield from (f"{job_id}: the lease {token} ended {count} times" for token, count in told.items() if count > 1)
        if set(told) != set(ends):
            yield f"{job_id}: attempts of {sorted(set(told) ^ set(map(str, ends)))} are missing, or nobody's"
        for attempt in attempts:
            end = ends.get(attempt["token"])
            if end is not None and end.target not in OUTCOME_LEADS_TO[attempt["outcome"]]:
                yield f"{job_id}: an attempt that {attempt['outcome']} left the job {end.target}"
        successes = {entry.xid for entry in entries if entry.target == "succeeded" and entry.source != "succeeded"}
        if not set(evidence.effects.get(job_id, ())) <= successes:
            yield f"{job_id}: an effect was written apart from the success"
        job = evidence.jobs[job_id]
        if job["job_type"] == "probe" and job["state"] == "succeeded" and job["result_attempt"] != job["attempt"]:
            yield f"{job_id}: the result is of attempt {job['result_attempt']}, the job at {job['attempt']}"
        for entry in entries:
            if entry.source in FINAL and entry.target == entry.source:
                yield f"{job_id}: changed after it {entry.source}"


def attempts_overlap_only_where_a_lease_ran_out(evidence: Evidence) -> Iterator[str]:
    """Where a job was taken from a process before its lease ran out, that process must have ended by then."""
    for job_id, attempts in evidence.attempts.items():
        for before, after in pairwise(attempts):
            if after["started_at"] < before["ended_at"]:
                yield f"{job_id}: attempt {after['attempt']} began before attempt {before['attempt']} ended"
        taken = {attempt["token"]: attempt for attempt in attempts if attempt["outcome"] in {"lost", "timed_out"}}
        for entry in evidence.history[job_id]:
            attempt = taken.get(entry.token_before or "")
            if attempt is None or not entry.ends_attempt or entry.lease_until is None or entry.lease_until < entry.at:
                continue
            if _outlived(attempt["pid"], entry.at):
                yield f"{job_id} was taken from process {attempt['pid']}, which lives, before its lease ran out"


def nobody_ran_more_than_allowed(evidence: Evidence) -> Iterator[str]:
    running: Counter[tuple[str, str]] = Counter()
    entries = sorted((entry for found in evidence.history.values() for entry in found), key=lambda entry: entry.at)
    for entry in entries:
        lane = (entry.queue, entry.user_id)
        running[lane] += int(entry.target == "running") - int(entry.source == "running")
        cap = evidence.caps.get(lane)
        if cap is not None and running[lane] > cap:
            yield f"{running[lane]} jobs of {entry.user_id} ran at once on {entry.queue}, {cap} may ({entry.at})"


def rescue_latencies(evidence: Evidence) -> Sequence[float]:
    """Return how long each job whose worker was hurt waited until it was moved on; outages of Postgres do not count."""
    moved = {e.token_before: e for entries in evidence.history.values() for e in entries if e.ends_attempt}
    taken = {a["token"] for found in evidence.attempts.values() for a in found if a["outcome"] in {"lost", "timed_out"}}
    latencies: list[float] = []
    for held in evidence.hurt:
        entry = moved.get(held.token)
        if entry is not None and held.token in taken:
            away = [end for start, end in evidence.outages if start <= entry.at and end >= held.at]
            latencies.append((entry.at - max([held.at, *away])) / timedelta(seconds=1))
    return [max(latency, 0.0) for latency in latencies]


def p99(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(0.99 * len(values)) - 1] if values else 0.0


def lost_jobs_moved_on_in_time(evidence: Evidence) -> Iterator[str]:
    """A machine that stalls delays rescues, too: what the sampler itself had to wait is allowed on top.

    Where many processes wait for each core, seconds say nothing of the product, and nothing is said of them.
    """
    if evidence.load_per_core > MOST_LOAD_PER_CORE:
        return
    slowest, allowed = p99(rescue_latencies(evidence)), RESCUED_WITHIN_S + evidence.stall_s
    if slowest > allowed:
        yield f"the 99th percentile of rescues is {slowest:.1f} s, {allowed:.1f} s are allowed"


def no_success_followed_a_cancel(evidence: Evidence) -> Iterator[str]:
    for job_id, entries in evidence.history.items():
        cancelled_at = evidence.promises.cancelled.get(job_id)
        retried_at = evidence.promises.retried.get(job_id, 0)
        for entry in entries:
            if entry.target == "succeeded" and entry.source == "running" and entry.is_cancel_wanted:
                yield f"{job_id} succeeded though its cancel was on record"
            is_broken = cancelled_at is not None and entry.version > cancelled_at > retried_at
            if is_broken and entry.target == "succeeded" and not _was_retried(entries, entry):
                yield f"{job_id} succeeded at version {entry.version}, after its cancel at {cancelled_at}"


def attempts_stayed_within_bounds(evidence: Evidence) -> Iterator[str]:
    for job_id, job in evidence.jobs.items():
        # What gives its number back does not count: a graceful stop, the loss of a short job that was held with others.
        number_after = {entry.token_before: entry.attempt for entry in evidence.history[job_id] if entry.ends_attempt}
        attempts = evidence.attempts.get(job_id, ())
        given_back = [a for a in attempts if number_after.get(a["token"]) != a["attempt"]]
        counted = len(attempts) - len(given_back)
        if counted > job["max_attempts"] or job["attempt"] > job["max_attempts"]:
            yield f"{job_id} had {counted} attempts, {job['max_attempts']} were allowed"
        if sum(1 for a in given_back if a["outcome"] != "given_back") > 1:
            yield f"{job_id} got back the attempts of more than one loss"


def every_change_is_a_move(evidence: Evidence) -> Iterator[str]:
    for job_id, entries in evidence.history.items():
        for before, after in pairwise(entries):
            if after.version <= before.version or after.source != before.target:
                yield f"{job_id}: version {before.version} {before.target}, then {after.version} from {after.source}"
        for entry in entries:
            if entry.source is not None and entry.source != entry.target and (entry.source, entry.target) not in STEPS:
                yield f"{job_id} went from {entry.source} to {entry.target}"


def _was_retried(entries: Sequence[Entry], until: Entry) -> bool:
    """Tell whether a retry by hand lies between the cancel and this entry."""
    return any(entry.source in FINAL and entry.n < until.n for entry in entries)


def _outlived(pid: int, moment: datetime) -> bool:
    """Tell whether the process that had this pid at that moment still lives."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() < moment.timestamp()
    except psutil.NoSuchProcess:
        return False
