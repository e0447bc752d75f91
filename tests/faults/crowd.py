"""The users of a run: they submit, repeat what was not answered, cancel and retry, and remember what they were told.

What a user was told is what the product has promised: a 202 is a job that will end, a cancel that was answered with
200 is one that never succeeds.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx

from tests.faults.jobs import Wanted

ANSWER_WITHIN_S = 15.0
BACKLOG = 60
AGAIN_AFTER_S = 0.2
SENT_TWICE_FRAC = 0.1


@dataclass
class Promises:
    """What users were told. Written by many threads, each under its own keys."""

    accepted: dict[str, Wanted] = field(default_factory=dict)
    cancelled: dict[str, int] = field(default_factory=dict)
    """The version of the job when its cancel was acknowledged."""
    retried: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    unanswered: int = 0


class Crowd:
    """Threads that submit the jobs of a plan, each job by its own user, over whichever replica answers."""

    def __init__(
        self,
        jobs: Sequence[Wanted],
        urls: Sequence[str],
        tokens: Mapping[str, str],
        random: Random,
        *,
        unfinished: Callable[[], int],
        threads: int = 3,
    ) -> None:
        self.promises = Promises()
        self.is_done = threading.Event()
        """Every job was submitted, and its answer came or never will."""
        self._jobs = list(reversed(jobs))
        self._urls = urls
        self._tokens = tokens
        self._random = random
        self._unfinished = unfinished
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._submitting = threads
        self._threads = [threading.Thread(target=self._submit_all, daemon=True) for _ in range(threads)]
        self._threads.append(threading.Thread(target=self._interfere, daemon=True))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _submit_all(self) -> None:
        with httpx.Client(timeout=ANSWER_WITHIN_S) as client:
            while not self._over.is_set():
                while self._unfinished() > BACKLOG and not self._over.wait(0.02):
                    pass
                with self._lock:
                    if not self._jobs:
                        break
                    wanted = self._jobs.pop()
                self._submit(client, wanted)
        with self._lock:
            self._submitting -= 1
            if self._submitting == 0 and not self._jobs:
                self.is_done.set()

    def _submit(self, client: httpx.Client, wanted: Wanted) -> None:
        """Send it until it is accepted, where a key makes that safe; else once."""
        body = wanted.body
        if wanted.delay_s is not None:
            body["run_at"] = (datetime.now(UTC) + timedelta(seconds=wanted.delay_s)).isoformat()
        job_id = self._post(client, wanted, body)
        while job_id is None and wanted.key is not None and not self._over.wait(AGAIN_AFTER_S):
            job_id = self._post(client, wanted, body)
        if job_id is None:
            self.promises.unanswered += 1
            return
        self.promises.accepted[job_id] = wanted
        if wanted.key is not None and self._random.random() < SENT_TWICE_FRAC:
            again = self._post(client, wanted, body)
            if again not in {None, job_id}:
                self.promises.broken.append(f"the key {wanted.key} was answered with {job_id}, then with {again}")

    def _post(self, client: httpx.Client, wanted: Wanted, body: Mapping[str, Any]) -> str | None:
        headers = self._headers(wanted.user) | ({} if wanted.key is None else {"Idempotency-Key": wanted.key})
        answer = self._ask(client, "POST", "/jobs", headers=headers, json=body)
        if answer is None:
            return None
        if answer.status_code == httpx.codes.ACCEPTED:
            return str(answer.json()["id"])
        if answer.status_code not in {429, 500, 503}:
            self.promises.broken.append(f"a good request was answered with {answer.status_code}: {answer.text[:300]}")
        return None

    def _interfere(self) -> None:
        """Cancel a job now and then, and retry one that failed or was cancelled."""
        with httpx.Client(timeout=ANSWER_WITHIN_S) as client:
            while not self._over.wait(self._random.uniform(0.1, 0.6)):
                accepted = list(self.promises.accepted)[-BACKLOG:]
                if accepted:
                    job_id = self._random.choice(accepted)
                    act = self._retry if self._random.random() < 0.3 else self._cancel
                    act(client, job_id)

    def _cancel(self, client: httpx.Client, job_id: str) -> None:
        job = self._act(client, job_id, "cancel")
        if job is not None:
            self.promises.cancelled[job_id] = job["version"]
            if job["state"] != "cancelled" and job["cancel_requested_at"] is None:
                self.promises.broken.append(f"a cancel of {job_id} was answered with {job['state']}, not requested")

    def _retry(self, client: httpx.Client, job_id: str) -> None:
        job = self._act(client, job_id, "retry")
        if job is not None:
            self.promises.retried[job_id] = job["version"]

    def _act(self, client: httpx.Client, job_id: str, verb: str) -> dict[str, Any] | None:
        headers = self._headers(self.promises.accepted[job_id].user)
        answer = self._ask(client, "POST", f"/jobs/{job_id}/{verb}", headers=headers)
        if answer is None or answer.status_code != httpx.codes.OK:
            if answer is not None and answer.status_code not in {409, 500, 503}:
                self.promises.broken.append(f"{verb} was answered with {answer.status_code}: {answer.text[:300]}")
            return None
        job: dict[str, Any] = answer.json()
        return job

    def _ask(self, client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response | None:
        """Return the answer of any replica; None when none came."""
        try:
            return client.request(method, self._random.choice(self._urls) + path, **more)
        except httpx.TransportError:
            return None

    def _headers(self, user: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[user]}"}
