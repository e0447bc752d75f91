"""`suggestion` and then `signal_outcomes`, run by a worker's own runner on a real database and Redis."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, insert

from backend.core.db import statements
from backend.core.db.research_tables import models
from backend.core.db.sessions import sync_engine
from backend.core.db.statements import NOW
from backend.core.jobs.submission import submission
from backend.core.model_shelf import ModelShelf, model_row
from backend.core.user import User
from backend.services.accounts import create_token, find_user
from backend.settings import Settings
from tests.bar_bench import Bench as BarBench
from tests.integration.signal_rows import add_signal
from tests.models import walk, write_model
from tests.platform import Platform
from workers.runner import Runner

SYMBOLS = ["AAPL", "IBM", "NOPE"]
LISTED_DAY = datetime(2012, 6, 29, tzinfo=UTC)
ADD_ARTICLE = (
    "INSERT INTO articles (key_sha256, source, title, published_at) VALUES (%s, 'rss', 'IBM', %s) RETURNING id"
)
ADD_SCORE = """
INSERT INTO article_scores (article_id, symbol, model_version, label, score, relevance, created_at)
VALUES (%s, 'IBM', %s, 'positive', %s, %s, %s)
"""


@dataclass
class Desk:
    platform: Platform
    engine: Engine
    settings: Settings
    runner: Runner
    folder: Path

    def user(self, name: str, role: str = "free") -> User:
        create_token(self.engine, user_name=name, role=role)  # type: ignore[arg-type]
        with self.engine.begin() as connection:
            return find_user(connection, name)

    def promote(self, name: str = "suggestion-tiny", **options: Any) -> str:
        """Put a new model into the store, as the one that serves under its name; return its version."""
        folder, manifest = write_model(self.folder, name, **options)
        ModelShelf(self.settings.artifacts).keep(folder, manifest)
        row = model_row(manifest, folder, "store") | {"stage": "champion", "promoted_at": NOW}
        with self.engine.begin() as connection:
            connection.execute(models.delete().where(models.c.name == name))
            connection.execute(insert(models).values(**row))
        return manifest.version

    def run(self, job_type: str, payload: dict[str, Any], user: User) -> dict[str, Any]:
        """Submit a job, run it here, and return its row."""
        wanted = submission(job_type, payload)
        with self.engine.begin() as connection:
            job = connection.execute(statements.insert_job(wanted.new_row(user, None))).mappings().one()
            connection.execute(statements.open_lane(wanted.spec.queue, user.id, None))
        assert self.runner.run_next(wanted.spec.queue)
        return self.platform.rows("SELECT * FROM jobs WHERE id = %s", job["id"])[0]

    def suggest(self, user: User, **payload: Any) -> dict[str, Any]:
        asked = {"symbols": SYMBOLS, "models": ["suggestion-tiny"], **payload}
        job = self.run("suggestion", asked, user)
        assert job["state"] == "succeeded", job["error"]
        result: dict[str, Any] = job["result"]
        return result


@pytest.fixture
def desk(scratch_platform: Platform, tmp_path: Path) -> Iterator[Desk]:
    settings = Settings(
        database_url=scratch_platform.database_url,
        redis_url=scratch_platform.redis_url,
        AITRADER_DATA_DIR=scratch_platform.data_dir,
        market={"providers": "sample"},
    )
    engine = sync_engine(settings.database)
    runner = Runner(settings, worker_id="w")
    yield Desk(scratch_platform, engine, settings, runner, tmp_path / "made")
    runner.close()
    engine.dispose()


def test_a_suggestion_is_stored_announced_and_later_scored(desk: Desk) -> None:
    desk.promote(lean=0.6)
    ann, admin = desk.user("ann"), desk.user("admin", "admin")
    result = desk.suggest(ann, end="2012-06-29")
    assert [(one["symbol"], one["action"]) for one in result["suggestions"]] == [("AAPL", "buy"), ("IBM", "buy")]
    assert [(one["symbol"], one["code"]) for one in result["failures"]] == [("NOPE", "unknown_symbol")]
    stored = desk.platform.rows("SELECT * FROM signals ORDER BY symbol")
    assert [(one["symbol"], one["entry"], one["user_id"]) for one in stored] == [
        (one["symbol"], one["entry"], ann.id) for one in result["suggestions"]
    ]
    assert all(one["announced_at"] is not None for one in stored)
    with redis.Redis.from_url(desk.platform.redis_url) as broker:
        assert broker.xlen(f"aitrader:trading_signals:{ann.id}:history") == 2
        assert broker.xlen("aitrader:trading_signals:all:history") == 2

    scored = desk.run("signal_outcomes", {}, admin)
    assert (scored["state"], scored["result"]["scored_count"]) == ("succeeded", 2)
    outcomes = desk.platform.rows("SELECT outcome, outcome_return_frac, exit_at FROM signals")
    assert {one["outcome"] for one in outcomes} <= {"target", "stop", "timeout"}
    assert all(one["outcome_return_frac"] is not None and one["exit_at"].year == 2012 for one in outcomes)
    assert desk.run("signal_outcomes", {}, admin)["result"]["scored_count"] == 0


def test_a_new_champion_answers_the_next_job(desk: Desk) -> None:
    ann = desk.user("ann")
    first = desk.promote(lean=0.6)
    assert desk.suggest(ann)["suggestions"][0]["models"][0]["version"] == first
    second = desk.promote(lean=-0.6)
    found = desk.suggest(ann)["suggestions"][0]
    assert (found["models"][0]["version"], found["action"]) == (second, "sell")


def test_a_signal_is_scored_by_the_prices_that_its_owner_sees(desk: Desk, tmp_path: Path) -> None:
    ann, bob, admin = desk.user("ann"), desk.user("bob"), desk.user("admin", "admin")
    desk.promote(lean=0.6)
    with redis.Redis.from_url(desk.platform.redis_url) as broker:
        bars = BarBench(desk.platform, desk.engine, broker, desk.settings, admin)
        mine = walk("OWN", seed=3, count=500)
        bars.replace_import(mine[:400], owner_id=ann.id)
        desk.suggest(ann, symbols=["OWN"])
        assert desk.run("signal_outcomes", {}, admin)["result"]["open_count"] == 1
        bars.replace_import(mine, owner_id=ann.id)
    assert desk.suggest(bob, symbols=["OWN"])["failures"][0]["code"] == "unknown_symbol"
    assert desk.run("signal_outcomes", {}, admin)["result"]["scored_count"] == 1


def test_the_news_before_a_suggestion_are_among_its_evidence(desk: Desk) -> None:
    desk.promote(lean=0.6)
    told = [
        ("2012-06-29 12:00Z", 0.8, 1.0),
        ("2012-06-25", 0.2, 0.5),
        ("2012-06-10", -1.0, 1.0),
        ("2012-07-02", -1.0, 1.0),
    ]
    for number, (published, score, relevance) in enumerate(told):
        article = desk.platform.rows(ADD_ARTICLE, bytes([number]), published)[0]["id"]
        desk.platform.rows(ADD_SCORE, article, "old", -1.0, relevance, "2012-07-01")
        desk.platform.rows(ADD_SCORE, article, "new", score, relevance, "2012-07-02")
    found = desk.suggest(desk.user("ann"), symbols=["IBM"], end="2012-06-29")["suggestions"][0]
    facts = [fact for fact in found["evidence"]["agreeing"] if fact["source"] == "sentiment"]
    assert [fact["detail"] for fact in facts] == ["mean score +0.60 over 2 articles of 7 days"]


def test_without_any_model_the_job_fails_and_says_so(desk: Desk) -> None:
    desk.platform.rows("DELETE FROM models")
    job = desk.run("suggestion", {"symbols": SYMBOLS}, desk.user("ann"))
    assert (job["state"], job["error"]["code"], job["attempt"]) == ("failed", "no_model", 1)


def test_signals_that_can_never_be_scored_keep_nobody_waiting(desk: Desk) -> None:
    ann, bob, admin = desk.user("ann"), desk.user("bob"), desk.user("admin", "admin")
    for number in range(3):
        add_signal(desk.engine, ann.id, f"GONE{number}")
    scored = [add_signal(desk.engine, owner.id, "IBM", as_of=LISTED_DAY) for owner in (ann, bob)]
    results = [desk.run("signal_outcomes", {"limit": 2}, admin)["result"] for _ in range(3)]
    assert [(len(one["failures"]), one["scored_count"]) for one in results] == [(2, 0), (1, 1), (1, 1)]
    found = desk.platform.rows("SELECT id FROM signals WHERE outcome IS NOT NULL")
    assert {one["id"] for one in found} == set(scored)


def test_signals_of_one_series_are_read_some_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.signal_book.AT_ONCE", 2)
    ann, admin = desk.user("ann"), desk.user("admin", "admin")
    for _ in range(5):
        add_signal(desk.engine, ann.id, "IBM", as_of=LISTED_DAY)
    counts = [desk.run("signal_outcomes", {"limit": 3}, admin)["result"]["scored_count"] for _ in range(3)]
    assert counts == [3, 2, 0]
