"""What listeners heard, compared with what happened (I9)."""

from collections.abc import Iterator, Mapping, Sequence

from tests.faults.evidence import Evidence
from tests.faults.watcher import Watcher


def listeners_missed_nothing(
    evidence: Evidence, watchers: Sequence[Watcher], user_ids: Mapping[str, str]
) -> Iterator[str]:
    """Check what each watcher heard; those of one user are named after it, others hear of all (I9)."""
    truth: dict[str, dict[int, str]] = {
        job_id: {entry.version: entry.target for entry in entries} for job_id, entries in evidence.history.items()
    }
    for watcher in watchers:
        heard = watcher.heard
        yield from (f"{watcher.name}: {problem}" for problem in heard.problems)
        for (job_id, version), states in heard.states.items():
            real = truth.get(job_id, {}).get(version)
            if states != {real}:
                yield f"{watcher.name}: {job_id} at version {version} was told as {sorted(states)}, it was {real}"
        for job_id in unheard(evidence, watcher, user_ids):
            yield f"{watcher.name}: the end of {job_id} was never told"


def unheard(evidence: Evidence, watcher: Watcher, user_ids: Mapping[str, str]) -> Sequence[str]:
    owner = user_ids.get(watcher.name)
    return watcher.missing(
        {
            job_id: (job["version"], job["finished_at"].timestamp())
            for job_id, job in evidence.jobs.items()
            if job["finished_at"] is not None and owner in {None, job["user_id"]}
        }
    )
