"""The statements that delete what ended long ago: jobs with all that belongs to them, batches, webhook deliveries."""

from sqlalchemy import ARRAY, Uuid, bindparam, text

_IS_OLD = """
j.finished_at < clock_timestamp() - make_interval(secs => :age_s)
AND NOT EXISTS (SELECT 1 FROM jobs p WHERE p.id = j.parent_id AND p.finished_at IS NULL)
"""
"""A child is kept as long as its parent may ask for its result."""

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=0x50_52_55_4E)  # "PRUN"
"""Two who each delete half of a batch's jobs would both see the other half, and leave the batch."""

OLD_JOBS = text(
    f"SELECT j.id, j.batch_id FROM jobs j WHERE {_IS_OLD} ORDER BY j.finished_at LIMIT :limit FOR UPDATE SKIP LOCKED"  # noqa: S608 - made of the text above
)
DELETE_JOBS = text(
    """
WITH deleted AS (DELETE FROM jobs WHERE id = ANY(:ids) RETURNING id)
DELETE FROM job_outbox WHERE job_id IN (SELECT id FROM deleted)
"""
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))
"""Attempts, logs, artifact records and results in tables of their own go with their job, by foreign keys."""

DELETE_EMPTY_BATCHES = text(
    """
DELETE FROM job_batches b WHERE b.id = ANY(:ids) AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.batch_id = b.id)
"""
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))
"""To be run in a fresh statement, after the jobs were deleted."""

DELETE_DELIVERIES = text(
    """
DELETE FROM webhook_deliveries WHERE id IN (
  SELECT id FROM webhook_deliveries WHERE ended_at < clock_timestamp() - make_interval(secs => :age_s)
  ORDER BY ended_at LIMIT :limit FOR UPDATE SKIP LOCKED)
"""
)

COUNT_OLD = text(
    f"""
WITH old AS MATERIALIZED (SELECT j.id, j.batch_id FROM jobs j WHERE {_IS_OLD})
SELECT (SELECT count(*) FROM old) AS jobs,
  (SELECT count(*) FROM job_attempts a WHERE a.job_id IN (SELECT id FROM old)) AS attempts,
  (SELECT count(*) FROM job_logs l WHERE l.job_id IN (SELECT id FROM old)) AS log_lines,
  (SELECT count(*) FROM artifacts f WHERE f.job_id IN (SELECT id FROM old)) AS artifacts,
  (SELECT coalesce(sum(f.byte_count), 0) FROM artifacts f WHERE f.job_id IN (SELECT id FROM old))::bigint
    AS artifact_bytes,
  (SELECT count(DISTINCT o.batch_id) FROM old o WHERE o.batch_id IS NOT NULL AND NOT EXISTS (
     SELECT 1 FROM jobs k WHERE k.batch_id = o.batch_id AND k.id NOT IN (SELECT id FROM old))) AS batches,
  (SELECT count(*) FROM webhook_deliveries d
   WHERE d.ended_at < clock_timestamp() - make_interval(secs => :delivery_age_s)) AS deliveries
"""  # noqa: S608 - the same
)
