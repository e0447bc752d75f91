import pytest

from aitrader.client import Client, JobCancelled, JobFailed, NoResult, ServerError, WaitTimeout


@pytest.fixture
def client(server):
    with Client(server.url, "ait_me") as made:
        yield made


def test_wait_asks_with_the_etag_and_tells_of_each_change(server, answer, client, told_job):
    server.answers = [
        answer(202, told_job(), {"ETag": '"a-1"'}),
        answer(304),
        answer(200, told_job(state="running", version=2, progress=0.5), {"ETag": '"a-2"'}),
        answer(200, told_job(state="succeeded", version=3, result={"x": 1}), {"ETag": '"a-3"'}),
    ]
    seen = []
    job = client.submit("probe", {}).wait(on_change=lambda changed: seen.append((changed.state, changed.progress)))
    assert job.result == {"x": 1}
    assert seen == [("running", 0.5), ("succeeded", 0.0)]
    assert [heard.headers.get("If-None-Match") for heard in server.heard[1:]] == ['"a-1"', '"a-1"', '"a-2"']
    assert all("wait=" in heard.path for heard in server.heard[1:])


def test_wait_survives_a_server_that_is_restarted(server, answer, client, told_job):
    server.answers = [
        answer(202, told_job(), {"ETag": '"a-1"'}),
        answer(breaks=True),
        answer(503, {}),
        answer(200, told_job(state="succeeded", version=2, result={})),
    ]
    assert client.submit("probe", {}).wait().state == "succeeded"


def test_failed_job_raises_with_its_code_unless_told_not_to(server, answer, client, told_job):
    error = {"code": "no_bars", "message": "there are none"}
    server.answers = [answer(202, told_job(state="failed", error=error))]
    job = client.submit("probe", {})
    with pytest.raises(JobFailed, match="there are none") as caught:
        job.wait()
    assert (caught.value.code, caught.value.job) == ("no_bars", job)
    assert job.wait(raise_on_failure=False).state == "failed"


def test_cancelled_job_raises(server, answer, client, told_job):
    server.answers = [answer(202, told_job(state="cancelled"))]
    with pytest.raises(JobCancelled):
        client.submit("probe", {}).wait()


def test_wait_ends_at_its_timeout(server, answer, client, told_job):
    server.answers = [answer(202, told_job(), {"ETag": '"a-1"'}), answer(304)]
    job = client.submit("probe", {})
    with pytest.raises(WaitTimeout, match=r"is queued after 0\.3 s, and goes on"):
        job.wait(0.3)
    assert 2 <= len(server.heard) <= 6  # a server that answers at once is not flooded


def test_unfinished_job_has_no_result(server, answer, client, told_job):
    server.answers = [answer(202, told_job(state="running"))]
    with pytest.raises(NoResult, match="is running"):
        _ = client.submit("probe", {}).result


def test_job_of_a_list_fetches_what_the_list_leaves_out(server, answer, client, told_job):
    summary = {name: value for name, value in told_job(state="succeeded").items() if name not in {"payload", "result"}}
    server.answers = [
        answer(body={"jobs": [summary], "next_cursor": None}),
        answer(body=told_job(state="succeeded", payload={"p": 1}, result={"r": 2})),
    ]
    (job,) = client.jobs()
    assert (job.result, job.payload) == ({"r": 2}, {"p": 1})
    assert len(server.heard) == 2


def test_retry_is_never_sent_twice_and_cancel_may_be(server, answer, client, told_job):
    server.answers = [answer(202, told_job(state="failed")), answer(503, {}), answer(503, {}), answer(200, told_job())]
    job = client.submit("probe", {})
    with pytest.raises(ServerError):
        job.retry()
    assert len(server.heard) == 2
    assert job.cancel().state == "queued"


def test_answer_of_another_shape_is_a_server_error(server, answer, client):
    server.answers = [answer(202, {"hello": "world"})]
    with pytest.raises(ServerError, match="expected a JobRecord"):
        client.submit("probe", {})
