import pytest

from benchmarks.jobs.soak import Sample, print_verdict


def samples(tables_mb: list[float], memory_mb: list[float]) -> list[Sample]:
    return [
        Sample(minute, {"jobs": table}, {"jobs": 1.0}, {"jobs": 0}, {"jobs": 0}, {"api": memory})
        for minute, (table, memory) in enumerate(zip(tables_mb, memory_mb, strict=True))
    ]


FLAT = [100.0] * 20
RISING = [100.0 + 10 * minute for minute in range(20)]
LEVELLING = [min(10.0 * minute, 80.0) for minute in range(20)]


@pytest.mark.parametrize(
    ("tables_mb", "memory_mb", "is_bounded"),
    [(FLAT, FLAT, True), (LEVELLING, FLAT, True), (RISING, FLAT, False), (FLAT, RISING, False)],
)
def test_what_still_grows_at_the_end_is_not_bounded(
    tables_mb: list[float], memory_mb: list[float], is_bounded: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert print_verdict(samples(tables_mb, memory_mb)) is is_bounded
    assert ("not bounded" in capsys.readouterr().out) is not is_bounded
