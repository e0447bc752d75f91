"""Pruning: all that belongs to an ended job goes with it, in pieces, and what is still needed stays."""

from uuid import UUID, uuid4

from backend.core.artifacts import ArtifactStore
from backend.core.ids import new_id
from backend.core.jobs.outcomes import Artifact
from backend.core.pruning import Ages, Prunable, Pruned, Pruner
from tests.integration.jobs.test_relay import Bench, bench  # noqa: F401 - a fixture

MONTH = Ages(30 * 86_400, 30 * 86_400)
OLD = "now() - interval '31 days'"


def end(bench: Bench, *jobs: UUID, at: str = OLD) -> None:  # noqa: F811
    bench.run(f"UPDATE jobs SET state = 'failed', finished_at = {at} WHERE id = ANY(:ids)", ids=list(jobs))


def pruner(bench: Bench) -> Pruner:  # noqa: F811
    return Pruner(bench.engine, ArtifactStore(bench.settings.artifacts))


def test_all_that_belongs_to_an_old_job_goes_and_nothing_else(bench: Bench) -> None:  # noqa: F811
    old, recent, unfinished = (bench.job(bench.user()) for _ in range(3))
    store = ArtifactStore(bench.settings.artifacts)
    for job in (old, recent):
        kept = store.write(job, new_id(), Artifact("trades", {"size": [1.0]}))
        bench.run(
            "INSERT INTO artifacts (job_id, name, path, row_count, byte_count, sha256) "
            "VALUES (:job, 'trades', :path, 1, :bytes, '')",
            job=job,
            path=kept.path,
            bytes=kept.byte_count,
        )
        bench.run(
            "INSERT INTO job_attempts "
            "(lease_token, job_id, attempt, worker_id, worker_pid, started_at, ended_at, outcome) "
            "VALUES (gen_random_uuid(), :job, 1, 'w', 1, now(), now(), 'failed')",
            job=job,
        )
        bench.run(
            "INSERT INTO job_logs (lease_token, seq, job_id, attempt, at, level, event, fields) "
            "VALUES (gen_random_uuid(), 1, :job, 1, now(), 'info', 'said', '{}')",
            job=job,
        )
    end(bench, old)
    end(bench, recent, at="now() - interval '29 days'")
    asked = pruner(bench)
    found = asked.count(MONTH)
    assert found == Prunable(1, 1, 1, 1, found.artifact_bytes, 0, 0)
    assert found.artifact_bytes > 0
    assert asked.prune(MONTH) == Pruned(jobs=1)
    for table, column in [("jobs", "id"), ("job_attempts", "job_id"), ("job_logs", "job_id"), ("artifacts", "job_id")]:
        left = {row["job"] for row in bench.platform.rows(f"SELECT {column} AS job FROM {table}")}
        assert left == ({recent, unfinished} if table == "jobs" else {recent}), table
    assert bench.platform.rows("SELECT 1 FROM job_outbox WHERE job_id = %s", old) == []
    folders = {path.name for path in (bench.platform.data_dir / "artifacts").iterdir()}
    assert folders == {str(recent)}


def test_a_batch_goes_with_the_last_of_its_jobs(bench: Bench) -> None:  # noqa: F811
    user = bench.user()
    whole, part = uuid4(), uuid4()
    for batch in (whole, part):
        bench.run(
            "INSERT INTO job_batches (id, user_id, job_count, request_hash) VALUES (:id, :user, 2, '')",
            id=batch,
            user=user.id,
        )
        jobs = [bench.job(user) for _ in range(2)]
        bench.run("UPDATE jobs SET batch_id = :batch WHERE id = ANY(:ids)", batch=batch, ids=jobs)
        end(bench, *(jobs if batch == whole else jobs[:1]))
    assert pruner(bench).count(MONTH).batches == 1
    assert pruner(bench).prune(MONTH) == Pruned(jobs=3, batches=1)
    assert [row["id"] for row in bench.platform.rows("SELECT id FROM job_batches")] == [part]


def test_a_child_stays_while_its_parent_may_ask_for_its_result(bench: Bench) -> None:  # noqa: F811
    parent, child = bench.job(bench.user()), bench.job(bench.user())
    bench.run("UPDATE jobs SET parent_id = :parent, depth = 1 WHERE id = :child", parent=parent, child=child)
    end(bench, child)
    assert pruner(bench).prune(MONTH) == Pruned()
    end(bench, parent)
    assert pruner(bench).prune(MONTH) == Pruned(jobs=2)


def test_deliveries_that_ended_go_at_their_own_age(bench: Bench) -> None:  # noqa: F811
    user = bench.user()
    bench.run(
        "WITH hook AS (INSERT INTO webhooks (id, user_id, url, states, secret) "
        "VALUES (gen_random_uuid(), :user, 'https://example.org', '{failed}', 's') RETURNING id) "
        "INSERT INTO webhook_deliveries (webhook_id, event, body, state, ended_at) "
        "SELECT id, 'job.failed', '{}', state, ended_at FROM hook, (VALUES "
        "('delivered', now() - interval '8 days'), ('failed', now() - interval '8 days'), "
        "('delivered', now() - interval '6 days'), ('pending', NULL)) AS d(state, ended_at)",
        user=user.id,
    )
    ages = Ages(30 * 86_400, 7 * 86_400)
    assert pruner(bench).count(ages).deliveries == 2
    assert pruner(bench).prune(ages) == Pruned(deliveries=2)


def test_many_jobs_are_pruned_in_pieces_and_a_short_while_prunes_some(bench: Bench) -> None:  # noqa: F811
    first = bench.job(bench.user())
    columns = "job_type, queue, user_id, max_attempts, request_hash, payload"
    bench.run(
        f"INSERT INTO jobs (id, state, finished_at, {columns}) SELECT gen_random_uuid(), 'failed', {OLD}, {columns} "
        "FROM jobs, generate_series(1, 2500) WHERE id = :id",
        id=first,
    )
    some = pruner(bench).prune(MONTH, for_s=1e-9)
    assert some.jobs == 100
    assert pruner(bench).prune(MONTH).jobs == 2400
    assert [row["id"] for row in bench.platform.rows("SELECT id FROM jobs")] == [first]
