import asyncio
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from aitrader.stack.probes import http_answers, service_is_ok


@pytest.fixture
def serve():
    """Yield a function that answers every GET with that status and body, and returns the URL."""
    servers = []

    def start(status, body=b""):
        class Answers(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Answers)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/health"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(readiness):
    return asyncio.run(readiness())


def test_an_accepted_status_is_ready_and_another_says_what_was_expected(serve):
    url = serve(401)
    assert ask(http_answers(url, HTTPStatus.OK, HTTPStatus.UNAUTHORIZED)) is None
    assert ask(http_answers(url, HTTPStatus.OK)) == f"expected GET {url} to answer 200, got 401"


def test_a_port_that_refuses_is_not_ready():
    assert "Connection refused" in ask(http_answers("http://127.0.0.1:1", HTTPStatus.OK))


@pytest.mark.parametrize(
    ("status", "body", "missing"),
    [
        (200, b'{"workers": {"status": "ok"}}', None),
        (200, b'{"workers": {"status": "degraded"}}', "it is degraded"),
        (200, b'{"relay": {"status": "ok"}}', "missing from the report"),
        (200, b"not json", "missing from the report"),
        (200, b'{"workers": null}', "missing from the report"),
        (503, b'{"workers": {"status": "ok"}}', "got 503"),
    ],
)
def test_a_service_is_ready_when_the_health_report_says_so(serve, status, body, missing):
    answer = ask(service_is_ok(serve(status, body), "workers"))
    assert answer is None if missing is None else missing in answer
