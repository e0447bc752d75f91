"""Be told when a job ends: a receiver that checks signatures, a webhook that leads to it, and a job.

The server must allow targets on loopback: WEBHOOKS__ALLOW_PRIVATE_TARGETS=true.
"""

import queue
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from aitrader.client import Client

messages: queue.Queue[dict[str, Any]] = queue.Queue()
secrets: list[str] = []
seen: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            content = Webhook(secrets[0]).verify(body, dict(self.headers))  # the bytes as they came
        except WebhookVerificationError as error:
            self.send_error(401, str(error))
            return
        self.send_response(204)  # first the answer, then the work
        self.end_headers()
        if self.headers["webhook-id"] not in seen:  # the same may come twice
            seen.add(self.headers["webhook-id"])
            messages.put(content)

    def log_message(self, *_: object) -> None:
        return


server = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()

with Client() as client:
    webhook = client.webhooks.create(f"http://127.0.0.1:{server.server_port}/", states=["succeeded"])
    secrets.append(webhook.secret or "")
    job = client.submit("pattern_scan", {"symbols": ["AAPL"]})
    told = messages.get(timeout=30)
    print(told["type"], told["data"]["id"] == job.id, told["data"]["job_type"])
    client.webhooks.delete(webhook.id)
server.shutdown()
