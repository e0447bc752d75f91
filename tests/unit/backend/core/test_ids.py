import time

from backend.core.ids import new_id


def test_ids_are_version_7_of_rfc_9562() -> None:
    for made in (new_id() for _ in range(200)):
        assert (made.version, made.variant) == (7, "specified in RFC 4122")


def test_ids_carry_their_milliseconds_and_so_sort_by_time() -> None:
    before = time.time_ns() // 1_000_000
    made = [new_id() for _ in range(2_000)]
    after = time.time_ns() // 1_000_000
    stamps = [one.int >> 80 for one in made]
    assert stamps == sorted(stamps)
    assert before <= stamps[0] <= stamps[-1] <= after
    assert len(set(made)) == len(made)
