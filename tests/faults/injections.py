"""The list of faults. Each hurts a stage once, and returns when it has done so; the stage mends itself meanwhile."""

import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import httpx

from tests.faults.actors import Actor, signal_all
from tests.faults.stage import LEASE_S, READY_WITHIN_S, Stage
from tests.platform import submit
from tests.waiting import eventually

HANG_S = 3.0
"""Longer than any client of Redis waits for an answer."""
BURSTS = 5
BUSY_WITHIN_S = 2.0
STARTS_WITHIN_S = 15.0

Fault = Callable[[Stage, Random], None]


def kill_pool_child(stage: Stage, random: Random) -> None:
    """A child of a pool is killed in the middle of its job: segmentation fault, out of memory."""

    def look() -> list[int]:
        return [pid for worker in stage.workers if worker.lives() for pid in worker.pool()]

    pids = eventually(look, timeout_s=READY_WITHIN_S, what="a pool")
    busy = [row["pid"] for row in stage.rows("SELECT worker_pid AS pid FROM jobs WHERE state = 'running'")]
    pid = random.choice([pid for pid in busy if pid in pids] or pids)
    signal_all([pid], signal.SIGKILL)
    stage.note_hurt([pid])


def kill_worker_main(stage: Stage, random: Random) -> None:
    """A worker's main process is killed; its pool dies with it, its keeper has a last look."""
    worker = _a_worker(stage, random)
    pool = worker.pool()
    worker.kill()
    stage.note_hurt(pool)


def kill_worker_tree(stage: Stage, random: Random) -> None:
    """A worker's host is gone, keeper and all: only the lease tells."""
    pids = _a_worker(stage, random).kill_tree()
    stage.note_hurt(pids)


def freeze_worker(stage: Stage, random: Random) -> None:
    """A worker's host is frozen for twice the lease and comes back: a zombie that must write nothing.

    It holds a job that never looks, and is over before it comes back, while another worker is in the middle of it.
    """
    job_id = _started(stage, {"sleep_s": 2 * LEASE_S, "ignore_cancel": True})
    worker = _holder(stage, job_id) or _a_worker(stage, random)
    pids = worker.freeze_tree()
    stage.note_hurt(pids)
    began = stage.now()
    eventually(lambda: (stage.now() - began).total_seconds() > 2 * LEASE_S, what="twice the lease")
    signal_all(pids, signal.SIGCONT)


def kill_keeper(stage: Stage, random: Random) -> None:
    keeper = _a_worker(stage, random).keeper()
    if keeper is not None:
        signal_all([keeper], signal.SIGKILL)


def stop_worker(stage: Stage, random: Random) -> None:
    """A worker is asked to end in the middle of its jobs, and started again."""
    _restart(_a_worker(stage, random))


def kill_redis_keeping_its_file(stage: Stage, _random: Random) -> None:
    stage.servers.kill_redis(is_forgetful=False)


def kill_redis_with_all_it_knew(stage: Stage, _random: Random) -> None:
    stage.servers.kill_redis(is_forgetful=True)


def flush_redis(stage: Stage, _random: Random) -> None:
    stage.servers.flush_redis()


def hang_redis(stage: Stage, _random: Random) -> None:
    with stage.servers.hung_redis():
        began = stage.now()
        eventually(lambda: (stage.now() - began).total_seconds() > HANG_S, what="the end of the hang")


def restart_postgres(stage: Stage, _random: Random) -> None:
    stage.restart_postgres()


def terminate_backends(stage: Stage, _random: Random) -> None:
    """All sessions of the product are ended, several times, while jobs finish."""
    for _ in range(BURSTS):
        ended = _ended(stage)
        with suppress(AssertionError):  # nothing may be running now
            eventually(lambda ended=ended: _ended(stage) > ended, timeout_s=1, what="another end")
        stage.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def kill_api(stage: Stage, random: Random) -> None:
    """A replica is killed while submits are in flight: after some commits, before their bells."""
    api = random.choice(stage.apis)
    if api.lives():
        api.kill()


def kill_api_before_it_rang(stage: Stage, random: Random) -> None:
    """Redis hangs, so that no bell gets through; then every replica dies, and Redis with them."""
    del random
    with stage.servers.hung_redis(is_fatal=True):
        began, ended = stage.now(), _accepted(stage)
        enough = lambda: _accepted(stage) > ended + 5 or (stage.now() - began).total_seconds() > HANG_S  # noqa: E731
        eventually(enough, what="some submits")
        for api in stage.apis:
            if api.lives():
                api.kill()


def stop_api(stage: Stage, random: Random) -> None:
    _restart(random.choice(stage.apis))


def kill_active_relay(stage: Stage, _random: Random) -> None:
    """The relay that holds the lock is killed; a standby takes over."""
    relay = eventually(stage.active_relay, what="an active relay")
    assert relay is not None
    relay.kill()


def stop_active_relay(stage: Stage, _random: Random) -> None:
    relay = eventually(stage.active_relay, what="an active relay")
    assert relay is not None
    _restart(relay)


def run_over_the_hard_limit(stage: Stage, _random: Random) -> None:
    """A native call that never comes back has its time moved into the past: the keeper ends its process."""
    job_id = _started(stage, {"native_s": 60, "ignore_cancel": True})
    if job_id is None:
        return
    over = "UPDATE jobs SET attempt_ends_by = clock_timestamp() WHERE id = %s AND state = 'running'"
    stage.rows(over, job_id)
    eventually(lambda: not _is_running(stage, job_id), timeout_s=READY_WITHIN_S, what="the end of the native call")


def _started(stage: Stage, payload: dict[str, Any]) -> str | None:
    """Start a job of an operator's; None when no replica takes it, or no worker in time."""
    with stage.platform.client("admin", user="operator", url=stage.urls[0]) as operator:
        for url in stage.urls:
            with suppress(httpx.HTTPError, AssertionError):
                operator.base_url = url
                job_id = str(submit(operator, "probe", payload, priority=0)["id"])
                eventually(lambda job_id=job_id: _is_running(stage, job_id), timeout_s=STARTS_WITHIN_S)
                return job_id
    return None


def _holder(stage: Stage, job_id: str | None) -> Actor | None:
    rows = stage.rows("SELECT worker_pid AS pid FROM jobs WHERE id = %s AND state = 'running'", job_id)
    return next((w for w in stage.workers if w.lives() and rows and rows[0]["pid"] in w.pool()), None)


def _is_running(stage: Stage, job_id: str) -> bool:
    return bool(stage.rows("SELECT 1 FROM jobs WHERE id = %s AND state = 'running'", job_id))


def _a_worker(stage: Stage, random: Random) -> Actor:
    """Return a worker that is there, best one in the middle of a job."""
    ready = eventually(
        lambda: [w for w in stage.workers if stage.is_ready(w)], timeout_s=READY_WITHIN_S, what="a worker"
    )
    with suppress(AssertionError):  # there may be nothing to do
        ready = eventually(lambda: [w for w in ready if _is_busy(stage, w)], timeout_s=BUSY_WITHIN_S)
    return random.choice(ready)


def _is_busy(stage: Stage, worker: Actor) -> bool:
    return worker.lives() and bool(
        stage.rows("SELECT 1 FROM jobs WHERE state = 'running' AND worker_pid = ANY(%s)", worker.pool())
    )


def _restart(actor: Actor) -> None:
    if actor.lives():
        actor.stop()
        actor.wait_stopped()
    actor.start()


def _ended(stage: Stage) -> int:
    return stage.count("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL")


def _accepted(stage: Stage) -> int:
    return stage.count("SELECT count(*) FROM jobs")


FAULTS: Mapping[str, Fault] = {
    fault.__name__: fault
    for fault in (
        kill_pool_child,
        kill_worker_main,
        kill_worker_tree,
        freeze_worker,
        kill_keeper,
        stop_worker,
        kill_redis_keeping_its_file,
        kill_redis_with_all_it_knew,
        flush_redis,
        hang_redis,
        restart_postgres,
        terminate_backends,
        kill_api,
        kill_api_before_it_rang,
        stop_api,
        kill_active_relay,
        stop_active_relay,
        run_over_the_hard_limit,
    )
}


def programme(random: Random, count: int) -> Sequence[str]:
    """Return the names of so many faults: all of them in a random order, again and again."""
    names: list[str] = []
    while len(names) < count:
        names += random.sample(sorted(FAULTS), len(FAULTS))
    return names[:count]
