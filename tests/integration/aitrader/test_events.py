"""Events from a notebook and from the command line."""

import json
import signal
from itertools import islice

import pytest

from aitrader.client import Client
from aitrader.errors import InvalidRequest, Unauthenticated
from tests.integration.aitrader.conftest import CommandLine
from tests.platform import Platform, free_port
from tests.waiting import eventually

SCAN = {"symbols": ["AAPL"], "timeframe": "1d"}


def test_client_hears_how_things_are_and_what_changes(client: Client) -> None:
    heard = client.events()
    first = next(heard)
    assert (first.channel, first.type, first.data) == ("job_updates", "snapshot", {"jobs": []})
    job = client.submit("pattern_scan", SCAN)
    states = []
    for event in heard:
        assert event.data["id"] == job.id
        states.append(event.data["state"])
        if states[-1] == "succeeded":
            break
    assert states[0] == "queued"
    again = list(islice(client.events(last_event_id=first.id), len(states)))
    assert [event.data["state"] for event in again] == states


def test_client_goes_on_where_it_was_when_the_server_is_started_anew(scratch_platform: Platform) -> None:
    platform = scratch_platform
    port = str(free_port())
    platform.urls.append(f"http://127.0.0.1:{port}")
    api = platform.start("backend", PORT=port)
    with Client(platform.url, platform.token("listener")) as client:
        heard = client.events(patience_s=120)  # the server is not there yet, either
        assert next(heard).type == "snapshot"
        first = client.submit("pattern_scan", SCAN).id
        assert next(heard).data["id"] == first
        api.send_signal(signal.SIGKILL)
        api.wait()
        platform.start("backend", PORT=port)
        second = eventually(lambda: submitted(client), timeout_s=90, what="the API again")
        event = next(heard)
        assert (event.type, event.data["id"]) == ("update", second)


def submitted(client: Client) -> str | None:
    try:
        return client.submit("pattern_scan", SCAN).id
    except Exception:  # noqa: BLE001 - not there yet
        return None


def test_client_is_told_what_cannot_be_listened_to(client: Client, platform: Platform) -> None:
    with pytest.raises(InvalidRequest, match="channels must be among"):
        next(client.events("nonsense"))
    with Client(platform.url, "ait_0123456789abcdef_wrong") as nobody, pytest.raises(Unauthenticated):
        next(nobody.events())


def test_command_line_prints_events(aitrader: CommandLine) -> None:
    heard = aitrader("events", "job_updates", "trading_signals", "--count", "2", "--json")
    assert heard.returncode == 0, heard.stderr
    first, second = map(json.loads, heard.stdout.splitlines())
    assert (first["channel"], second["channel"]) == ("job_updates", "trading_signals")
    aitrader("submit", "pattern_scan", "--payload", json.dumps(SCAN), "--wait")
    missed = aitrader("events", "--last-event-id", first["id"], "--count", "2")
    assert "pattern_scan queued 0%" in missed.stdout
