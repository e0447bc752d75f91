"""What there may be for the relay to do: one statement a round, so that an idle installation costs next to nothing.

Each column is named as the duty it calls for, and true whenever that duty would find something: it may be true when the
duty finds nothing (it asks less than the duty does), never the other way round. Every part is a probe of one index.
"""

from sqlalchemy import text

AGENDA = text(
    """
SELECT
  EXISTS (SELECT 1 FROM jobs WHERE state = 'scheduled' AND run_at <= clock_timestamp()) AS queue_due_jobs,
  EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < clock_timestamp()) AS take_back_leases,
  EXISTS (SELECT 1 FROM job_outbox
          WHERE changed_at < clock_timestamp() - make_interval(secs => :settled_s)) AS announce_missed,
  EXISTS (SELECT 1 FROM signals WHERE announced_at IS NULL) AS announce_missed_signals,
  EXISTS (SELECT 1 FROM jobs WHERE state = 'queued') AS ring_lost_bells,
  EXISTS (SELECT 1 FROM jobs WHERE state = 'waiting') AS wake_parents,
  EXISTS (SELECT 1 FROM job_batches WHERE finished_at IS NULL)
    OR EXISTS (SELECT 1 FROM job_batches WHERE finished_at IS NOT NULL AND announced_at IS NULL) AS finish_batches,
  EXISTS (SELECT 1 FROM jobs WHERE parent_id IS NOT NULL AND finished_at IS NULL) AS cancel_abandoned_children,
  EXISTS (SELECT 1 FROM jobs WHERE deadline_at <= clock_timestamp() AND finished_at IS NULL) AS fail_expired_jobs,
  EXISTS (SELECT 1 FROM job_schedules
          WHERE next_fire_at <= clock_timestamp() AND NOT is_paused) AS fire_schedules
"""
)
"""The parameter `settled_s`: how old a change must be that its own process has surely had time to tell."""
