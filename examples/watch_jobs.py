"""Watch jobs as they change, over the push socket, and lose nothing when the connection breaks.

Starts one backtest, hangs up on purpose after the first change, and comes back with the last cursor: the server then
sends what was missed, or says `"recovered": false` and sends a snapshot. Ends when the backtest has ended.
Needs a running stack (`aitrader up`), or AITRADER_URL and AITRADER_TOKEN.
"""

import json
from collections.abc import Iterator
from typing import Any

from websockets.sync.client import connect

from aitrader.client import Client, find_installation

BACKTEST = {"symbols": ["IBM"], "strategy": {"kind": "rsi_reversion"}}
ENDS = {"succeeded", "failed", "cancelled"}

installation = find_installation()
headers = {"Authorization": f"Bearer {installation.token}"}


def messages(cursor: str | None) -> Iterator[dict[str, Any]]:
    """Yield what the server says about our jobs, from the cursor on."""
    with connect(installation.websocket_url, additional_headers=headers) as socket:
        request = {"id": 1, "op": "subscribe", "ch": "job_updates"}
        socket.send(json.dumps(request if cursor is None else {**request, "cursor": cursor}))
        for text in socket:
            yield json.loads(text)


cursor = next(messages(None))["cursor"]  # from here on nothing is missed
with Client() as client:
    job = client.submit("backtest", BACKTEST)
    state, has_hung_up = job.state, False
    while state not in ENDS:
        for message in messages(cursor):
            cursor = message.get("cursor", cursor)
            if message.get("type") == "snapshot":  # it tells of unfinished jobs only
                state = job.refresh().state
            elif message.get("type") == "update" and message["data"].get("id") == job.id:
                state = message["data"]["state"]
                print(f"{cursor}  {message['data']['job_type']} {state} {message['data']['progress']:.0%}")
            elif message.get("recovered") is not None:
                print("came back, recovered:", message["recovered"])
                continue
            if state in ENDS:
                break
            if not has_hung_up:
                has_hung_up = True
                print("hanging up on purpose")
                break
