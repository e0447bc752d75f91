"""`/metrics`: who may read it, that it is what Prometheus reads, and that it tells what happened."""

from collections.abc import Callable

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.websocket.talk import talk
from tests.platform import Platform, answers, finished, submit
from tests.unit.deploy.test_observability import OF_HEARTBEATS
from tests.waiting import eventually

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(platform: Platform) -> Samples:
    answer = httpx.get(f"{platform.url}/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def test_jobs_are_counted_by_type_and_status_with_their_durations(platform: Platform, admin: httpx.Client) -> None:
    before = scraped(platform)
    finished(admin, submit(admin, "probe", {"sleep_s": 0.3})["id"])
    finished(admin, submit(admin, "probe", {"fail_attempts": 1, "fail_with": "invalid"})["id"])

    def grown(name: str, **labels: str) -> float:
        return value(scraped(platform), name, **labels) - value(before, name, **labels)

    eventually(lambda: grown("aitrader_jobs_total", type="probe", status="failed") >= 1, what="a count of failures")
    eventually(lambda: grown("aitrader_jobs_total", type="probe", status="succeeded") >= 1, what="a count of successes")
    assert grown("aitrader_job_duration_seconds_count", type="probe") >= 2
    assert grown("aitrader_job_wait_seconds_count", type="probe") >= 2
    samples = scraped(platform)
    assert value(samples, "aitrader_job_duration_seconds_bucket", type="probe", le="+Inf") == value(
        samples, "aitrader_job_duration_seconds_count", type="probe"
    )


def test_parts_are_told_of(platform: Platform) -> None:
    samples = scraped(platform)
    names = {name for name, _ in samples}
    assert names >= OF_HEARTBEATS
    assert value(samples, "aitrader_up", part="db") == value(samples, "aitrader_up", part="redis") == 1
    assert value(samples, "aitrader_relays", state="active") == 1
    assert value(samples, "aitrader_worker_slots", queue="probe") == 2
    assert value(samples, "aitrader_relay_duty_runs_total", duty="look", outcome="done") > 0
    assert value(samples, "aitrader_relay_last_seen_seconds") < 60


def test_waiting_jobs_show_in_the_gauges(new_platform: Callable[..., Platform]) -> None:
    own = new_platform()
    own.start_api()
    own.start("workers.relay")
    with own.client("admin") as admin:
        for _ in range(3):
            submit(admin, "probe", {})
    eventually(lambda: value(scraped(own), "aitrader_job_queue_depth", queue="probe") == 3, what="the depth")
    samples = scraped(own)
    assert value(samples, "aitrader_jobs", type="probe", state="queued") == 3
    assert value(samples, "aitrader_job_queue_age_seconds", queue="probe") > 0
    assert value(samples, "aitrader_job_queue_depth", queue="backtest") == 0


def test_requests_are_counted_by_the_template_of_their_route(platform: Platform, user: httpx.Client) -> None:
    user.get("/jobs/018f0000-0000-7000-8000-000000000000")
    user.get("/no/such/path/4711")
    samples = scraped(platform)
    assert value(samples, "http_requests_total", method="GET", route="/jobs/{job_id}", status="404") >= 1
    assert value(samples, "http_requests_total", method="GET", route="unmatched", status="404") >= 1
    assert value(samples, "http_request_duration_seconds_count", method="GET", route="/jobs/{job_id}") >= 1
    assert not [labels for _, labels in samples if "4711" in str(labels)]


def test_open_sockets_are_counted(platform: Platform, user: httpx.Client) -> None:
    before = value(scraped(platform), "aitrader_ws_connections")
    with talk(user) as client:
        client.subscribe()
        assert value(scraped(platform), "aitrader_ws_connections") >= before + 1
    eventually(lambda: value(scraped(platform), "aitrader_ws_connections") <= before, what="the count to fall")


def test_without_a_token_only_this_machine_may_ask_and_not_through_a_proxy(platform: Platform) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        answer = httpx.get(f"{platform.url}/metrics", headers={name: "127.0.0.1"})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), name


@pytest.fixture(scope="module")
def guarded(new_platform: Callable[..., Platform]) -> Platform:
    own = new_platform(METRICS_TOKEN="scrape-me-not")
    own.start_api()
    return own


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer", "Basic scrape-me-not", "Bearer sçrape"])
def test_with_a_token_nobody_else_may_ask(guarded: Platform, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given.encode("latin-1")}
    assert httpx.get(f"{guarded.url}/metrics", headers=headers).status_code == 401


def test_with_the_token_anybody_may_ask_and_no_user_token_will_do(guarded: Platform) -> None:
    headers = {"Authorization": "Bearer scrape-me-not", "X-Forwarded-For": "192.0.2.1"}
    assert httpx.get(f"{guarded.url}/metrics", headers=headers).status_code == 200
    with guarded.client("admin") as admin:
        assert admin.get("/metrics").status_code == 401


def test_scrape_tells_of_a_part_that_is_down(new_platform: Callable[..., Platform]) -> None:
    own = new_platform()
    own.redis_url = "redis://127.0.0.1:1/0"  # where nobody listens
    url = own._begin_api()
    eventually(lambda: answers(f"{url}/livez"), timeout_s=90, what="the API")
    samples = scraped(own)
    assert (value(samples, "aitrader_up", part="db"), value(samples, "aitrader_up", part="redis")) == (1, 0)
    assert ("aitrader_jobs_total", frozenset({("type", "probe"), ("status", "failed")})) in samples
