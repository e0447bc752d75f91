"""The statements on lanes beside those of a single submit: lanes that are missing, idle, or have another cap now.

A lane is deleted when it has been idle for a while, since each claim looks at all lanes of its queue. What keeps a
concurrent submit from losing its lane (docs/adr/0016): who needs a lane locks it FOR KEY SHARE until it commits, or
inserts it; who deletes one locks it FOR UPDATE, and only then looks, in a new statement, whether it is needed.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Executable, Text, Uuid, bindparam, text

from backend.core.jobs.submission import lane_caps
from backend.settings import JobSettings

_OF_ROLE = """
CASE u.role WHEN 'free' THEN CAST(:free AS int) WHEN 'premium' THEN CAST(:premium AS int) ELSE CAST(:admin AS int) END
"""

_OPEN = """
), kept AS MATERIALIZED (
  SELECT l.queue, l.user_id FROM job_lanes l JOIN wanted w USING (queue, user_id)
  WHERE l.max_running IS NOT DISTINCT FROM w.cap ORDER BY 1, 2 FOR KEY SHARE OF l
)
INSERT INTO job_lanes (queue, user_id, max_running)
SELECT w.queue, w.user_id, w.cap FROM wanted w
WHERE NOT EXISTS (SELECT 1 FROM kept k WHERE k.queue = w.queue AND k.user_id = w.user_id)
ORDER BY 1, 2
ON CONFLICT (queue, user_id) DO UPDATE SET max_running = excluded.max_running
"""
OPEN_LANES_OF = text(
    f"""
WITH wanted AS MATERIALIZED (
  SELECT DISTINCT j.queue, j.user_id, {_OF_ROLE} AS cap
  FROM jobs j JOIN users u ON u.id = j.user_id WHERE j.id = ANY(:ids)
{_OPEN}"""  # noqa: S608 - made of the texts above
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))

OPEN_MISSING_LANES = text(
    f"""
WITH wanted AS MATERIALIZED (
  SELECT q.queue, q.user_id, {_OF_ROLE} AS cap
  FROM (SELECT DISTINCT j.queue, j.user_id FROM jobs j WHERE j.state = 'queued' AND NOT EXISTS (
          SELECT 1 FROM job_lanes l WHERE l.queue = j.queue AND l.user_id = j.user_id)) q
  JOIN users u ON u.id = q.user_id
{_OPEN} RETURNING queue, user_id"""  # noqa: S608 - the same
)

FOLLOW_CAPS = text(
    f"""
WITH changed AS MATERIALIZED (
  SELECT l.queue, l.user_id, {_OF_ROLE} AS cap FROM job_lanes l JOIN users u ON u.id = l.user_id
  WHERE l.max_running IS DISTINCT FROM {_OF_ROLE} FOR NO KEY UPDATE OF l SKIP LOCKED
)
UPDATE job_lanes l SET max_running = c.cap FROM changed c
WHERE l.queue = c.queue AND l.user_id = c.user_id RETURNING l.queue, l.user_id
"""  # noqa: S608 - the same
)

_IS_IDLE = """
l.running = 0 AND l.last_claimed_at < clock_timestamp() - make_interval(secs => :idle_s)
AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.queue = l.queue AND j.user_id = l.user_id AND j.state = 'queued')
AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.queue = l.queue AND j.user_id = l.user_id AND j.state = 'running')
AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.queue = l.queue AND j.user_id = l.user_id AND j.finished_at IS NULL)
"""
_THESE = "SELECT * FROM unnest(CAST(:queues AS text[]), CAST(:user_ids AS uuid[]))"
IDLE_LANES = text(f"SELECT l.queue, l.user_id FROM job_lanes l WHERE {_IS_IDLE} LIMIT :limit")  # noqa: S608 - the same
LOCK_LANES = text(
    f"SELECT l.queue, l.user_id FROM job_lanes l WHERE (l.queue, l.user_id) IN ({_THESE}) FOR UPDATE SKIP LOCKED"  # noqa: S608
).bindparams(bindparam("queues", type_=ARRAY(Text)), bindparam("user_ids", type_=ARRAY(Uuid)))
DELETE_IDLE_LANES = text(
    f"DELETE FROM job_lanes l WHERE (l.queue, l.user_id) IN ({_THESE}) AND {_IS_IDLE}"  # noqa: S608 - the same
).bindparams(bindparam("queues", type_=ARRAY(Text)), bindparam("user_ids", type_=ARRAY(Uuid)))
"""Delete those of the locked lanes that are idle still; run it in a fresh statement, after `LOCK_LANES`."""


def open_lanes_of(job_ids: Sequence[UUID], limits: JobSettings) -> Executable:
    """Make sure that the owners of these jobs have their lanes, whoever asks; to be run after the jobs' move."""
    return OPEN_LANES_OF.bindparams(ids=list(job_ids), **lane_caps(limits))


def open_missing_lanes(limits: JobSettings) -> Executable:
    """Open the lanes of queued jobs that have none; answers with those opened."""
    return OPEN_MISSING_LANES.bindparams(**lane_caps(limits))


def follow_caps(limits: JobSettings) -> Executable:
    """Give lanes the cap that their user's role has now; answers with those changed. Lanes in motion are left out."""
    return FOLLOW_CAPS.bindparams(**lane_caps(limits))
