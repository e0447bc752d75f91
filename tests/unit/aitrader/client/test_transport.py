import time

import pytest

from aitrader.client import Installation
from aitrader.client.transport import Call, Transport, json_of
from aitrader.errors import (
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    NotFound,
    Problem,
    ServerError,
    TooLarge,
    Unauthenticated,
)
from tests.platform import free_port


@pytest.fixture
def transport(server):
    with Transport(Installation(server.url, "ait_me"), timeout_s=5.0) as made:
        yield made


def call(**changes):
    return Call(**{"method": "GET", "path": "/jobs", "is_repeatable": True, **changes})


def problem(status, **fields):
    return {"type": "urn:x", "title": "No", "status": status, "code": "a_code", "detail": "a detail", **fields}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRequest),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, TooLarge),
        (415, InvalidRequest),
        (422, InvalidRequest),
        (500, ServerError),
    ],
)
def test_problem_document_becomes_a_typed_error_with_its_code_and_detail(server, answer, transport, status, error):
    server.answers = [answer(status, problem(status))]
    with pytest.raises(error, match="a detail") as caught:
        transport.send(call())
    assert type(caught.value) is error
    assert caught.value.code == "a_code"
    assert len(server.heard) == 1


def test_validation_problem_says_where(server, answer, transport):
    places = [{"path": "payload.strategy.fast", "message": "must be below slow"}]
    server.answers = [answer(422, problem(422, errors=places))]
    with pytest.raises(InvalidRequest) as caught:
        transport.send(call())
    assert caught.value.problems == (Problem("payload.strategy.fast", "must be below slow"),)


def test_error_without_a_problem_document_names_request_and_status(server, answer, transport):
    server.answers = [answer(405, b"<html>no</html>", {"Content-Type": "text/html"})]
    with pytest.raises(InvalidRequest, match=r"GET http://127.0.0.1:\d+/jobs answered 405") as caught:
        transport.send(call())
    assert caught.value.code == "http_405"


def test_token_goes_into_the_header(server, answer, transport):
    server.answers = [answer(body={})]
    transport.get("/jobs")
    assert server.heard[0].headers["Authorization"] == "Bearer ait_me"


@pytest.mark.parametrize("trouble", [{"breaks": True}, {"status": 503}, {"status": 502}])
def test_repeatable_call_is_sent_again_after_a_passing_trouble(server, answer, transport, trouble):
    server.answers = [answer(**trouble), answer(**trouble), answer(body={"well": True})]
    assert json_of(transport.send(call())) == {"well": True}
    assert len(server.heard) == 3


@pytest.mark.parametrize(
    ("trouble", "error"), [({"breaks": True}, ConnectionFailed), ({"status": 503, "body": problem(503)}, ServerError)]
)
def test_call_that_is_not_repeatable_is_sent_once(server, answer, transport, trouble, error):
    server.answers = [answer(**trouble), answer(body={})]
    with pytest.raises(error):
        transport.send(call(method="POST", is_repeatable=False))
    assert len(server.heard) == 1


def test_patience_has_an_end(server, answer, transport):
    server.answers = [answer(503, problem(503))]
    started = time.monotonic()
    with pytest.raises(ServerError) as caught:
        transport.send(call(patience_s=0.5))
    assert time.monotonic() - started < 2.0
    assert caught.value.code == "a_code"
    assert 2 <= len(server.heard) <= 6


def test_retry_after_is_heeded(server, answer, transport):
    server.answers = [answer(503, problem(503), {"Retry-After": "1"}), answer(body={})]
    started = time.monotonic()
    transport.send(call())
    assert time.monotonic() - started >= 0.5  # half of a pause is left to chance


def test_nobody_listening_is_a_connection_failure_that_names_the_server():
    url = f"http://127.0.0.1:{free_port()}"
    with (
        Transport(Installation(url, "ait_me"), timeout_s=5.0) as transport,
        pytest.raises(ConnectionFailed, match=f"cannot reach {url}") as caught,
    ):
        transport.send(call(patience_s=0.0))
    assert caught.value.code == "connection_failed"


def test_page_that_is_not_json_is_a_server_error(server, answer, transport):
    server.answers = [answer(body=b"<html>hello</html>", headers={"Content-Type": "text/html"})]
    with pytest.raises(ServerError, match="text/html: is this an AITrader server"):
        transport.get("/jobs")
