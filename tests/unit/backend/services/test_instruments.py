from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from backend.services.instruments import UNMATCHED, Instruments


def samples(instruments: Instruments) -> dict[tuple[str, str], float]:
    text = generate_latest(instruments.registry).decode()
    return {
        (sample.name, " ".join(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_are_counted_by_method_route_and_status() -> None:
    instruments = Instruments()
    for status in (202, 202, 422):
        instruments.request("POST", "/jobs", status, 0.02)
    found = samples(instruments)
    assert found["http_requests_total", "/jobs 202 POST"] == 2
    assert found["http_requests_total", "/jobs 422 POST"] == 1
    assert found["http_request_duration_seconds_bucket", "/jobs 0.01 POST"] == 0
    assert found["http_request_duration_seconds_bucket", "/jobs 0.025 POST"] == 3


def test_what_callers_choose_never_becomes_a_label() -> None:
    instruments = Instruments()
    for number in range(50):
        instruments.request(f"VERB{number}", None, 404, 0.0)
    assert samples(instruments)["http_requests_total", f"404 other {UNMATCHED}"] == 50


def test_two_apps_in_one_process_do_not_mix() -> None:
    one, other = Instruments(), Instruments()
    one.request("GET", "/", 200, 0.0)
    assert ("http_requests_total", "/ 200 GET") not in samples(other)
