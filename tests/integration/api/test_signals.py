"""`/api/signals`: one's own, newest first, page by page, and how good they were."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine

from backend.core.db.sessions import sync_engine
from backend.services.accounts import find_user
from backend.settings.connections import normal_database_url
from tests.integration.signal_rows import AS_OF, MODELS, add_signal
from tests.platform import Platform

NAMES = iter(f"signal-owner-{i}" for i in range(1_000))


@pytest.fixture(scope="module")
def engine(idle_platform: Platform) -> Iterator[Engine]:
    engine = sync_engine(normal_database_url(idle_platform.database_url))
    yield engine
    engine.dispose()


class Owner:
    """A new user: their id, and requests in their name."""

    def __init__(self, platform: Platform, engine: Engine, role: str = "free") -> None:
        name = next(NAMES)
        self.http = platform.client(role, user=name)
        with engine.begin() as connection:
            self.id: UUID = find_user(connection, name).id

    def signals(self, **parameters: object) -> dict[str, object]:
        answer = self.http.get("/api/signals", params=parameters)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        told: dict[str, object] = answer.json()
        return told

    def performance(self, **parameters: object) -> list[dict[str, object]]:
        answer = self.http.get("/api/signals/performance", params=parameters)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        told: list[dict[str, object]] = answer.json()["performance"]
        return told


@pytest.fixture
def owner(idle_platform: Platform, engine: Engine) -> Iterator[Owner]:
    owner = Owner(idle_platform, engine)
    with owner.http:
        yield owner


def ids(page: dict[str, object]) -> list[UUID]:
    return [UUID(one["id"]) for one in page["signals"]]  # type: ignore[attr-defined]


def test_a_signal_is_told_with_all_its_numbers(owner: Owner, engine: Engine) -> None:
    added = add_signal(engine, owner.id)
    page = owner.signals()
    assert page["next_cursor"] is None
    told = page["signals"][0]  # type: ignore[index]
    assert (told["id"], told["symbol"], told["models"], told["as_of"]) == (
        str(added),
        "AAPL",
        MODELS,
        "2024-03-01T00:00:00Z",
    )
    assert (told["p_buy"], told["stop"], told["outcome"], told["job_id"]) == (0.5, 96.0, None, None)


def test_pages_follow_each_other_without_gap_or_overlap(owner: Owner, engine: Engine) -> None:
    at_once = datetime(2024, 5, 1, tzinfo=UTC)
    added = [add_signal(engine, owner.id, created_at=at_once + timedelta(hours=i // 3)) for i in range(7)]
    seen: list[UUID] = []
    page = owner.signals(limit=2)
    while page["next_cursor"] is not None:
        seen += ids(page)
        page = owner.signals(limit=2, cursor=page["next_cursor"])
    seen += ids(page)
    assert sorted(seen) == sorted(added)
    assert seen[0] == added[-1]


def test_filters_narrow_the_list(owner: Owner, engine: Engine) -> None:
    day = datetime(2024, 5, 1, tzinfo=UTC)
    old = add_signal(engine, owner.id, "IBM", created_at=day)
    new = add_signal(engine, owner.id, "IBM", action="hold", reason="no_edge", created_at=day + timedelta(days=2))
    other = add_signal(engine, owner.id, "MSFT", action="sell", created_at=day + timedelta(days=1))
    assert ids(owner.signals(symbol="IBM")) == [new, old]
    assert ids(owner.signals(action="sell")) == [other]
    assert ids(owner.signals(since="2024-05-02T00:00:00Z")) == [new, other]
    assert ids(owner.signals(since="2024-05-02T00:00:00", symbol="MSFT")) == [other]


def test_nobody_sees_another_users_signals_but_an_admin_who_asks(
    idle_platform: Platform, owner: Owner, engine: Engine
) -> None:
    added = add_signal(engine, owner.id, "SECRET")
    admin = Owner(idle_platform, engine, "admin")
    stranger = Owner(idle_platform, engine)
    with admin.http, stranger.http:
        assert ids(stranger.signals(symbol="SECRET")) == ids(admin.signals(symbol="SECRET")) == []
        assert ids(admin.signals(symbol="SECRET", all="true")) == [added]
        assert stranger.http.get("/api/signals", params={"all": "true"}).status_code == 403
        assert stranger.performance(symbol="SECRET") == []
        assert len(admin.performance(symbol="SECRET", all="true")) == 1


@pytest.mark.parametrize(
    "parameters", [{"action": "panic"}, {"limit": 0}, {"cursor": "x"}, {"symbol": "a b"}, {"since": "soon"}]
)
def test_bad_filters_are_refused(owner: Owner, parameters: dict[str, object]) -> None:
    answer = owner.http.get("/api/signals", params=parameters)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"


def test_no_token_no_signals(idle_platform: Platform) -> None:
    assert httpx.get(f"{idle_platform.url}/api/signals").status_code == 401


def live(engine: Engine, owner: Owner, symbol: str = "AAPL", **changes: object) -> UUID:
    """Add a signal that was given the day after its bar."""
    return add_signal(engine, owner.id, symbol, **({"created_at": AS_OF + timedelta(days=1)} | changes))


def test_performance_compares_what_was_said_with_what_came(owner: Owner, engine: Engine) -> None:
    live(engine, owner, "A", outcome="target", outcome_return_frac=0.04)
    live(engine, owner, "B", outcome="stop", outcome_return_frac=-0.05, p_buy=0.7, p_hold=0.2, p_sell=0.1)
    live(engine, owner, "C")  # not scored yet
    rows = owner.performance(cost_bps_round_trip=10)
    assert len(rows) == 1
    row = rows[0]
    assert (row["action"], row["models"], row["is_in_sample"], row["is_look_back"]) == ("buy", MODELS, False, False)
    assert (row["signal_count"], row["scored_count"], row["hit_rate"]) == (3, 2, 0.5)
    assert row["mean_probability"] == pytest.approx(0.6)
    first = (0.5 - 1) ** 2 + 0.3**2 + 0.2**2
    second = 0.7**2 + 0.2**2 + (0.1 - 1) ** 2
    assert row["brier"] == pytest.approx((first + second) / 2)
    assert row["mean_expected_return_frac"] == pytest.approx(0.01)
    assert row["mean_return_frac"] == pytest.approx(-0.005)
    assert row["mean_return_after_cost_frac"] == pytest.approx(-0.006)


def test_performance_turns_sells_round_and_takes_holds_at_their_word(owner: Owner, engine: Engine) -> None:
    sell = {"action": "sell", "p_buy": 0.2, "p_hold": 0.3, "p_sell": 0.5, "expected_return_frac": -0.02}
    live(engine, owner, "A", **sell, outcome="target", outcome_return_frac=0.03)
    live(engine, owner, "B", action="hold", reason="no_edge", outcome="timeout", outcome_return_frac=0.0)
    live(engine, owner, "C", action="hold", reason="no_edge", outcome="target", outcome_return_frac=0.04)
    hold, sold = owner.performance()
    assert (sold["action"], sold["hit_rate"], sold["mean_probability"]) == ("sell", 1.0, 0.5)
    assert sold["brier"] == pytest.approx(0.2**2 + 0.3**2 + 0.5**2)
    assert sold["mean_expected_return_frac"] == pytest.approx(0.02)
    assert (hold["action"], hold["hit_rate"], hold["mean_probability"]) == ("hold", 0.5, 0.3)


def test_performance_keeps_apart_what_the_models_had_seen(owner: Owner, engine: Engine) -> None:
    live(engine, owner, "A", is_in_sample=True)
    live(engine, owner, "B")
    live(engine, owner, "C", models={"suggestion-tiny": "another"})
    rows = owner.performance()
    assert sorted((row["is_in_sample"], len(row["models"])) for row in rows) == [(False, 1), (False, 1), (True, 1)]  # type: ignore[arg-type]
    assert [row["hit_rate"] for row in rows] == [None] * 3


def test_what_is_said_again_counts_once_as_it_was_said_first(owner: Owner, engine: Engine) -> None:
    for hours, p_buy in ((5, 0.9), (1, 0.5), (9, 0.9)):
        given = AS_OF + timedelta(days=1, hours=hours)
        live(engine, owner, created_at=given, p_buy=p_buy, outcome="target", outcome_return_frac=0.04)
    (row,) = owner.performance()
    assert (row["signal_count"], row["scored_count"], row["mean_probability"]) == (1, 1, 0.5)
    for name, other in (("as_of", AS_OF - timedelta(days=1)), ("horizon_bars", 5), ("timeframe", "1h")):
        live(engine, owner, **{name: other})
    assert sum(row["signal_count"] for row in owner.performance()) == 4  # type: ignore[misc]
    assert owner.performance(since=(AS_OF + timedelta(days=1, hours=2)).isoformat()) == []


@pytest.mark.parametrize(
    ("timeframe", "lag", "is_look_back"),
    [
        ("1d", timedelta(days=7), False),
        ("1d", timedelta(days=7, minutes=1), True),
        ("1w", timedelta(days=25), False),
        ("1w", timedelta(days=26), True),
        ("1h", timedelta(days=4, hours=3), False),
        ("1h", timedelta(days=4, hours=4), True),
    ],
)
def test_look_backs_are_kept_apart(
    owner: Owner, engine: Engine, timeframe: str, lag: timedelta, is_look_back: bool
) -> None:
    live(engine, owner, timeframe=timeframe, created_at=AS_OF + lag)
    assert [row["is_look_back"] for row in owner.performance()] == [is_look_back]
