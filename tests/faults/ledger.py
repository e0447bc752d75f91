"""What really happened to every job, written by triggers in the transactions that did it.

Rows tell how things are; the ledger tells how they came to be. It is independent of the product's code: a write that
the product does not know of, or would rather not have made, is in it all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

INSTALL = """
CREATE TABLE fault_ledger (
  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  job_id uuid NOT NULL,
  source text,
  target text NOT NULL,
  version int NOT NULL,
  version_before int,
  attempt int NOT NULL,
  token_before uuid,
  token_after uuid,
  lease_until timestamptz,
  pid_before int,
  is_cancel_wanted boolean NOT NULL,
  queue text NOT NULL,
  user_id uuid NOT NULL
);
CREATE TABLE fault_effects (
  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  job_id uuid NOT NULL
);
CREATE FUNCTION note_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO fault_ledger (job_id, target, version, attempt, token_after, is_cancel_wanted, queue, user_id)
    VALUES (NEW.id, NEW.state, NEW.version, NEW.attempt, NEW.lease_token, NEW.cancel_requested_at IS NOT NULL,
      NEW.queue, NEW.user_id);
  ELSE
    INSERT INTO fault_ledger (job_id, source, target, version, version_before, attempt, token_before, token_after,
      lease_until, pid_before, is_cancel_wanted, queue, user_id)
    VALUES (NEW.id, OLD.state, NEW.state, NEW.version, OLD.version, NEW.attempt, OLD.lease_token, NEW.lease_token,
      OLD.lease_until, OLD.worker_pid, OLD.cancel_requested_at IS NOT NULL, NEW.queue, NEW.user_id);
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION note_effect() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO fault_effects (job_id) VALUES (NEW.job_id);
  RETURN NULL;
END $$;
CREATE TRIGGER fault_ledger_insert AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION note_job();
CREATE TRIGGER fault_ledger_update AFTER UPDATE ON jobs FOR EACH ROW WHEN (
  OLD.version <> NEW.version OR OLD.state <> NEW.state OR OLD.lease_token IS DISTINCT FROM NEW.lease_token
  OR OLD.result IS DISTINCT FROM NEW.result) EXECUTE FUNCTION note_job();
CREATE TRIGGER fault_effects_probe AFTER INSERT ON probe_effects FOR EACH ROW EXECUTE FUNCTION note_effect();
CREATE TRIGGER fault_effects_backtest AFTER INSERT ON backtest_results FOR EACH ROW EXECUTE FUNCTION note_effect();
"""

IDS = ("job_id", "token_before", "token_after", "user_id")


@dataclass(frozen=True)
class Entry:
    """One change of one job."""

    n: int
    at: datetime
    xid: int
    job_id: str
    source: str | None
    target: str
    version: int
    version_before: int | None
    attempt: int
    token_before: str | None
    token_after: str | None
    lease_until: datetime | None
    pid_before: int | None
    is_cancel_wanted: bool
    """A cancel had been asked for before this change."""
    queue: str
    user_id: str

    @property
    def is_claim(self) -> bool:
        return self.target == "running" and self.token_after != self.token_before

    @property
    def ends_attempt(self) -> bool:
        return self.token_before is not None and self.token_after != self.token_before


def install(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(INSTALL)


def history(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[Entry]]:
    """Return each job's changes in their order, from rows of `fault_ledger`."""
    entries: dict[str, list[Entry]] = {}
    for row in sorted(rows, key=lambda row: int(row["n"])):
        texts = {
            k: None if row[k] is None else str(row[k]) for k in ("job_id", "token_before", "token_after", "user_id")
        }
        entry = Entry(**{**row, **texts, "xid": int(row["xid"])})
        entries.setdefault(entry.job_id, []).append(entry)
    return entries
