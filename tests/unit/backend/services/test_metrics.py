from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from backend.core.db.job_metrics import BUCKETS_S
from backend.services.metrics import Counts, _of_jobs, _Once


def row(metric: str, job_type: str, label: str, count: int, sum_: float = 0.0) -> dict[str, Any]:
    made = {"metric": metric, "job_type": job_type, "label": label, "count": count, "sum": sum_}
    return {**made, "age_s": None, "told_s": 1.0}


def samples(*rows: dict[str, Any]) -> dict[tuple[str, str], float]:
    text = generate_latest(_Once(list(_of_jobs(Counts.of(rows))))).decode()  # type: ignore[arg-type]
    return {
        (sample.name, " ".join(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_types_and_states_without_a_job_show_as_zero_so_that_rates_can_start() -> None:
    found = samples()
    assert found["aitrader_jobs_total", "backtest failed"] == 0
    assert found["aitrader_jobs", "backtest queued"] == 0
    assert found["aitrader_job_queue_depth", "probe"] == 0
    assert found["aitrader_job_rescues_total", "lost probe"] == 0


def test_buckets_are_cumulative_and_end_with_all() -> None:
    last = str(len(BUCKETS_S))
    found = samples(
        row("duration", "probe", "0", 3, 0.006),
        row("duration", "probe", "2", 2, 0.03),
        row("duration", "probe", last, 1, 9e3),
    )
    name = "aitrader_job_duration_seconds_bucket"
    assert [found[name, f"{bound} probe"] for bound in ("0.005", "0.01", "0.025", "3600.0", "+Inf")] == [3, 3, 5, 5, 6]
    assert found["aitrader_job_duration_seconds_count", "probe"] == 6
    assert found["aitrader_job_duration_seconds_sum", "probe"] == 9e3 + 0.036


def test_label_that_no_process_knows_any_more_is_left_out() -> None:
    assert not [labels for _, labels in samples(row("ended", "gone_type", "failed", 5)) if "gone_type" in labels]


def test_duties_are_told_with_their_failures() -> None:
    found = samples(row("duty", "", "prune", 4, 2.0), row("duty_failed", "", "prune", 1, 0.5))
    assert found["aitrader_relay_duty_runs_total", "done prune"] == 4
    assert found["aitrader_relay_duty_runs_total", "failed prune"] == 1
    assert found["aitrader_relay_duty_seconds_total", "prune"] == 2.5
