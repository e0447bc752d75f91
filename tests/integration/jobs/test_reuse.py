"""Earlier results as answers to new jobs: when they are, when they are not, and that their files stay."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
import redis
from sqlalchemy import Engine, text

from backend.core.db.sessions import sync_engine
from backend.services.job_runner import enqueue_job
from backend.settings import Settings
from tests.integration.api.test_import import prices, send
from tests.platform import Platform, finished, submit
from tests.waiting import eventually
from workers.relay import Relay

DAYS = [f"2024-01-{day:02d}" for day in range(1, 31)]
BACKTEST = {"symbols": ["AAPL"], "start": "2005-01-01", "strategy": {"kind": "sma_cross"}}


def run(client: httpx.Client, job_type: str = "backtest", payload: dict[str, object] | None = None, **options: object):
    return finished(client, submit(client, job_type, payload or BACKTEST, **options)["id"])


def test_same_question_is_answered_at_once_with_everything_the_first_gave(
    platform: Platform, user: httpx.Client
) -> None:
    first = run(user)
    again = submit(user, "backtest", BACKTEST)
    assert (again["state"], again["reused_from"], again["attempt"]) == ("succeeded", first["id"], 0)
    assert again["result"] == first["result"]
    assert re.fullmatch(r"\d+ trades?, [+-]\d+\.\d %, Sharpe -?\d+\.\d", first["summary"])
    assert (again["summary"], again["progress"]) == (first["summary"], 1.0)
    assert again["created_at"] <= again["finished_at"]
    for name in first["result"]["artifacts"]:
        one, other = (user.get(f"/jobs/{job['id']}/artifacts/{name}").content for job in (first, again))
        assert one == other
        assert len(one) > 2 or name == "rejections"  # of which there may be none
    assert user.get(f"/jobs/{again['id']}/attempts").json() == {"attempts": []}
    # A row of key figures is of a run, and there was one.
    ran = platform.rows("SELECT job_id::text FROM backtest_results WHERE job_id = ANY(%s)", [first["id"], again["id"]])
    assert ran == [{"job_id": first["id"]}]


def test_third_job_refers_to_the_one_that_ran(user: httpx.Client) -> None:
    first = run(user)
    assert [submit(user, "backtest", BACKTEST)["reused_from"] for _ in range(2)] == [first["id"]] * 2


def test_scan_is_reused_unless_some_symbol_failed(user: httpx.Client) -> None:
    whole, partial = {"symbols": ["AAPL", "IBM"]}, {"symbols": ["AAPL", "NOSUCH"]}
    first = run(user, "pattern_scan", whole)
    assert re.fullmatch(r"\d+ patterns in 2 symbols, \d+ bullish, \d+ bearish", first["summary"])
    assert submit(user, "pattern_scan", whole)["reused_from"] == first["id"]
    run(user, "pattern_scan", partial)
    assert submit(user, "pattern_scan", partial)["reused_from"] is None


@pytest.mark.parametrize(
    ("payload", "options"),
    [
        (BACKTEST, {"reuse": "never"}),
        (BACKTEST, {"run_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}),
        ({**BACKTEST, "start": "2005-01-02"}, {}),
    ],
)
def test_other_question_or_wish_runs_anew(user: httpx.Client, payload: dict[str, object], options: dict[str, str]):
    run(user)
    again = submit(user, "backtest", payload, **options)
    assert again["reused_from"] is None
    assert again["state"] in {"queued", "scheduled"}


def test_result_of_another_user_is_never_reused(platform: Platform, user: httpx.Client) -> None:
    run(user)
    with platform.client() as other:
        assert submit(other, "backtest", BACKTEST)["reused_from"] is None


def test_own_import_of_the_symbol_ends_the_reuse_and_so_does_each_new_one(user: httpx.Client) -> None:
    payload = {"symbols": ["AAPL"], "strategy": {"kind": "buy_and_hold"}}
    first = run(user, payload=payload)
    assert first["result"]["source"] == "sample"
    assert send(user, prices("AAPL", DAYS)).status_code == 200
    second = run(user, payload=payload)
    assert (second["reused_from"], second["result"]["source"]) == (None, "import")
    assert submit(user, "backtest", payload)["reused_from"] == second["id"]
    assert send(user, prices("AAPL", DAYS, high=12.0)).status_code == 200
    assert submit(user, "backtest", payload)["reused_from"] is None


def test_own_import_with_the_same_number_as_the_shared_one_ends_the_reuse(
    platform: Platform, user: httpx.Client, admin: httpx.Client
) -> None:
    symbol = f"S{uuid4().hex[:8].upper()}"
    assert send(admin, prices(symbol, DAYS)).status_code == 200
    payload = {"symbols": [symbol], "strategy": {"kind": "buy_and_hold"}}
    first = run(user, payload=payload)
    assert submit(user, "backtest", payload)["reused_from"] == first["id"]
    assert send(user, prices(symbol, DAYS, high=12.0)).status_code == 200
    used = platform.rows("SELECT revision, source FROM bar_series WHERE symbol = %s", symbol)
    assert used[0] == used[1], "both are the first revision of an import"
    assert submit(user, "backtest", payload)["reused_from"] is None


def test_bars_of_a_provider_that_may_have_newer_ones_end_the_reuse(platform: Platform, user: httpx.Client) -> None:
    payload = {"symbols": ["MSFT"], "strategy": {"kind": "buy_and_hold"}}
    closed = {**payload, "end": "2010-01-04"}
    ran = [run(user, payload=one)["id"] for one in (payload, closed)]
    platform.rows(
        "UPDATE bar_series SET source = 'yfinance', updated_at = now() - interval '9 days' WHERE symbol = 'MSFT'"
    )
    platform.rows(
        "UPDATE jobs SET result = jsonb_set(result, '{provenance,bars,0,source}', '\"yfinance\"') WHERE id = ANY(%s)",
        ran,
    )
    try:
        assert submit(user, "backtest", payload)["reused_from"] is None
        assert submit(user, "backtest", closed)["reused_from"] == ran[1]
    finally:
        platform.rows("UPDATE bar_series SET source = 'sample' WHERE symbol = 'MSFT'")


def test_key_sent_again_answers_with_its_own_first_job(user: httpx.Client) -> None:
    body = {"job_type": "backtest", "payload": BACKTEST}
    run(user)
    keys = [{"Idempotency-Key": key} for key in ("one", "one", "two")]
    one, again, two = (user.post("/jobs", json=body, headers=headers).json()["id"] for headers in keys)
    assert one == again != two


def test_many_at_once_are_all_answered(platform: Platform, user: httpx.Client) -> None:
    first = run(user)

    async def flood() -> list[str]:
        async with httpx.AsyncClient(base_url=platform.url, headers=user.headers, timeout=40) as client:
            body = {"job_type": "backtest", "payload": BACKTEST}
            answers = await asyncio.gather(*(client.post("/jobs", json=body) for _ in range(30)))
        return [answer.json()["reused_from"] for answer in answers]

    assert asyncio.run(flood()) == [first["id"]] * 30


def test_listeners_are_told_of_a_job_that_is_born_finished(platform: Platform, user: httpx.Client) -> None:
    run(user)
    again = submit(user, "backtest", BACKTEST)

    def told() -> list[dict[str, object]]:
        with redis.Redis.from_url(platform.redis_url) as broker:
            history = broker.xrange(f"aitrader:job_updates:{again['user_id']}:history")
        bodies = [json.loads(fields[b"body"].decode().split("\n", 2)[2]) for _, fields in history]
        return [body for body in bodies if body["id"] == again["id"]]

    (event,) = eventually(told, what="the event")
    assert (event["state"], event["reused_from"]) == ("succeeded", again["reused_from"])
    note = "SELECT 1 FROM job_outbox WHERE job_id = %s"
    eventually(lambda: not platform.rows(note, again["id"]), what="an empty outbox")


def test_job_started_from_code_is_answered_too(
    platform: Platform, user: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(user)
    for name, value in platform.environment.items():
        monkeypatch.setenv(name, value)
    name = platform.rows("SELECT name FROM users WHERE id = %s", first["user_id"])[0]["name"]
    again = enqueue_job(job_type="backtest", user_id=name, payload=BACKTEST)
    assert user.get(f"/jobs/{again}").json()["reused_from"] == first["id"]


@pytest.fixture
def relay(platform: Platform) -> Iterator[tuple[Relay, Engine]]:
    settings = Settings(
        database_url=platform.database_url, redis_url=platform.redis_url, AITRADER_DATA_DIR=platform.data_dir
    )
    engine = sync_engine(settings.database)
    yield Relay(settings, engine), engine
    engine.dispose()


@pytest.fixture
def age(platform: Platform) -> Callable[[str], None]:
    def make_old(job_id: str) -> None:
        platform.rows("UPDATE jobs SET finished_at = now() - interval '91 days' WHERE id = %s", job_id)

    return make_old


def test_files_stay_as_long_as_any_job_shows_them(
    platform: Platform, user: httpx.Client, relay: tuple[Relay, Engine], age: Callable[[str], None]
) -> None:
    first = run(user)
    folder = platform.data_dir / "artifacts" / first["id"]
    others = [submit(user, "backtest", BACKTEST)["id"] for _ in range(2)]
    age(first["id"])
    relay[0].prune()
    assert user.get(f"/jobs/{first['id']}").status_code == 404
    for job in others:
        assert folder.exists()
        assert user.get(f"/jobs/{job}/artifacts/trades").status_code == 200
        age(job)
        relay[0].prune()
    assert not folder.exists()
    assert submit(user, "backtest", BACKTEST)["reused_from"] is None


def test_job_that_goes_before_the_one_it_refers_to_leaves_that_ones_files(
    platform: Platform, user: httpx.Client, relay: tuple[Relay, Engine], age: Callable[[str], None]
) -> None:
    first, other = run(user), submit(user, "backtest", BACKTEST)
    age(other["id"])
    relay[0].prune()
    assert user.get(f"/jobs/{other['id']}").status_code == 404
    assert user.get(f"/jobs/{first['id']}/artifacts/trades").status_code == 200
    age(first["id"])
    relay[0].prune()
    assert not (platform.data_dir / "artifacts" / first["id"]).exists()


def test_job_that_is_about_to_be_referred_to_is_not_pruned(
    platform: Platform, user: httpx.Client, relay: tuple[Relay, Engine], age: Callable[[str], None]
) -> None:
    first = run(user)
    age(first["id"])
    with relay[1].begin() as connection:
        connection.execute(text("SELECT 1 FROM jobs WHERE id = :id FOR KEY SHARE"), {"id": first["id"]})
        relay[0].prune()
    assert user.get(f"/jobs/{first['id']}/artifacts/trades").status_code == 200


def test_look_up_is_one_probe_of_one_index(platform: Platform) -> None:
    plan = platform.rows(
        "EXPLAIN SELECT true FROM jobs WHERE user_id = gen_random_uuid() AND reuse_key = ANY (ARRAY['\\x00'::bytea])"
        " AND state = 'succeeded' LIMIT 1"
    )
    assert "jobs_reuse" in " ".join(row["QUERY PLAN"] for row in plan)
