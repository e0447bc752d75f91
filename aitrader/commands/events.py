"""`aitrader events`: what changes, as it changes."""

import contextlib
import json
from typing import TYPE_CHECKING, Annotated

import typer

from aitrader.commands.connect import connect
from aitrader.commands.output import say

if TYPE_CHECKING:
    from aitrader.client import ServerEvent


def events(
    channels: Annotated[
        list[str] | None, typer.Argument(metavar="CHANNEL", help="job_updates (when none is named), trading_signals.")
    ] = None,
    *,
    all_users: Annotated[bool, typer.Option("--all", help="What all users are told (admins only).")] = False,
    last_event_id: Annotated[str | None, typer.Option(metavar="ID", help="Go on after this event.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many events.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as one line of JSON.")] = False,
) -> None:
    """Print what changes until Ctrl-C: first how things are, then every change; lost connections are made anew."""
    with connect() as client, contextlib.suppress(KeyboardInterrupt):
        heard = client.events(*(channels or ()), all_users=all_users, last_event_id=last_event_id)
        for number, event in enumerate(heard, start=1):
            _print(event, as_json=as_json)
            if number == count:
                return


def _print(event: "ServerEvent", *, as_json: bool) -> None:
    if as_json:
        told = {"channel": event.channel, "type": event.type, "id": event.id, "data": event.data}
        typer.echo(json.dumps(told))
        return
    if event.type == "snapshot":
        counts = ", ".join(f"{len(items)} {name}" for name, items in event.data.items())
        say(f"{event.channel} now: {counts}")
        return
    data = event.data
    if "batch" in data:
        ended = ", ".join(f"{number} {state}" for state, number in data["batch"]["counts"].items() if number)
        typer.echo(f"{data['batch']['id']} batch finished: {ended}")
    elif event.channel == "job_updates":
        stage = f" ({data['stage']})" if data.get("stage") else ""
        typer.echo(f"{data.get('id')} {data.get('job_type')} {data.get('state')} {data.get('progress', 0):.0%}{stage}")
    else:
        typer.echo(f"{data.get('id')} {data.get('symbol')} {data.get('action')}")
