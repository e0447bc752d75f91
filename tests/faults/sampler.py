"""Looks at the rows several times a second: how many jobs are unfinished, whether somebody runs too many (I5)."""

import os
import threading
import time

import psycopg

EVERY_S = 0.1

COUNT = """
SELECT count(*) FILTER (WHERE finished_at IS NULL), count(*) FILTER (WHERE finished_at IS NOT NULL) FROM jobs
"""
OVER_CAP = """
SELECT j.queue, u.name, count(*), l.max_running FROM jobs j JOIN users u ON u.id = j.user_id
JOIN job_lanes l ON l.queue = j.queue AND l.user_id = j.user_id
WHERE j.state = 'running' GROUP BY 1, 2, l.max_running HAVING count(*) > l.max_running
"""


class Sampler(threading.Thread):
    def __init__(self, database_url: str) -> None:
        super().__init__(name="sampler", daemon=True)
        self.unfinished = 0
        self.ended = 0
        self.samples = 0
        self.stall_s = 0.0
        """By how much the latest of all samples was late: how long this machine, at its busiest, gave no answer."""
        self.load_per_core = 0.0
        """The highest load average of a minute, by core."""
        self.over_cap: list[str] = []
        self._url = database_url
        self._over = threading.Event()
        self._sampled = threading.Condition()

    def refresh(self) -> None:
        """Wait for a sample that was begun after this call."""
        wanted = self.samples + 2
        while self.samples < wanted:
            self.wait()

    def wait(self) -> None:
        """Wait for the next sample, or a second while Postgres is away."""
        with self._sampled:
            self._sampled.wait(1.0)

    def end(self) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._sample()
            except psycopg.OperationalError:
                self._over.wait(EVERY_S)

    def _sample(self) -> None:
        with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
            began = time.monotonic()
            while not self._over.wait(EVERY_S):
                self.unfinished, self.ended = connection.execute(COUNT).fetchone() or (0, 0)
                for queue, user, running, cap in connection.execute(OVER_CAP):
                    self.over_cap.append(f"{user} ran {running} jobs of {queue} at once, {cap} are allowed")
                self.stall_s = max(self.stall_s, time.monotonic() - began - EVERY_S)
                began = time.monotonic()
                self.load_per_core = max(self.load_per_core, os.getloadavg()[0] / (os.cpu_count() or 1))
                with self._sampled:
                    self.samples += 1
                    self._sampled.notify_all()
