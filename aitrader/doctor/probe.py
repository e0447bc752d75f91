"""One job through everything: submitted, pushed on `/ws` when it ends, its result fetched. Each step is timed."""

import json
import time
from collections.abc import Mapping
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from aitrader.client import Client
from aitrader.client.installation import find_installation, is_loopback
from aitrader.doctor.findings import Finding, Patient, failed, ms_since, ok, skipped
from aitrader.errors import AitraderError

PROBE_TIMEOUT_S = 30.0
OPEN_TIMEOUT_S = 10.0
ADVICE = "the checks above may tell why; a probe needs an admin's token in AITRADER_TOKEN"


class NotPushed(Exception):
    """The socket did not say what was expected."""


def probe_job(patient: Patient) -> Finding:
    if patient.health is None or not patient.health.part("workers"):
        return skipped("the API does not answer")
    timings: dict[str, float] = {}
    try:
        with Client() as client, _socket() as socket:
            timings["subscribe"] = _subscribe(socket)
            started = time.perf_counter()
            job = client.submit("probe", {})
            timings["submit"] = ms_since(started)
            state = _pushed_end(socket, job.id)
            timings["push"] = ms_since(started)
            if state != "succeeded":
                return failed(f"job {job.id} was pushed as {state}", "read `aitrader jobs show` of it")
            attempt = job.refresh().result["attempt"]
            timings["result"] = ms_since(started)
    except NotPushed as error:
        return failed(str(error), "are API and workers on the same Redis? See `aitrader logs api`")
    except (WebSocketException, OSError, TimeoutError) as error:
        return failed(f"/ws does not serve: {type(error).__name__}: {error}", "does a proxy pass WebSockets on?")
    except AitraderError as error:
        return failed(str(error), ADVICE)
    told = ", ".join(f"{step} {took_ms} ms" for step, took_ms in timings.items())
    return ok(f"job {job.id} went through in attempt {attempt}: {told}", timings)


def _socket() -> ClientConnection:
    installation = find_installation()
    return connect(
        installation.websocket_url,
        additional_headers={"Authorization": f"Bearer {installation.token}"},
        open_timeout=OPEN_TIMEOUT_S,
        proxy=None if is_loopback(installation.url) else True,
    )


def _subscribe(socket: ClientConnection) -> float:
    """Return how many milliseconds it took until the first snapshot was there."""
    started = time.perf_counter()
    socket.send(json.dumps({"id": 1, "op": "subscribe", "ch": "job_updates"}))
    while True:
        message = _next(socket, started + PROBE_TIMEOUT_S)
        if message.get("id") == 1 and not message.get("ok"):
            raise NotPushed(f"/ws refused to subscribe: {message.get('error')}")
        if message.get("type") == "snapshot":
            return ms_since(started)


def _pushed_end(socket: ClientConnection, job_id: str) -> str:
    """Return the state that a job was pushed to have ended in."""
    until = time.perf_counter() + PROBE_TIMEOUT_S
    while True:
        data = _next(socket, until).get("data") or {}
        if data.get("id") == job_id and data.get("finished_at") is not None:
            return str(data["state"])


def _next(socket: ClientConnection, until: float) -> Mapping[str, Any]:  # Any: JSON
    try:
        told: dict[str, Any] = json.loads(socket.recv(timeout=max(until - time.perf_counter(), 0.01)))  # Any: the same
    except TimeoutError:
        raise NotPushed(f"nothing was pushed on /ws about the probe within {PROBE_TIMEOUT_S:g} s") from None
    return told
