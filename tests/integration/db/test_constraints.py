"""The database's own guard over the lifecycle: each illegal row is refused, whoever writes it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, create_engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from backend.core.db import statements
from backend.core.db.tables import bar_series, bars, job_lanes, jobs, users
from backend.core.ids import new_id
from backend.core.jobs.lifecycle import MOVES, TERMINAL, JobState, Move
from backend.settings.connections import normal_database_url
from tests.platform import Servers

NOW = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine(servers: Servers, template: str) -> Iterator[Engine]:
    engine = create_engine(normal_database_url(servers.new_database(template=template)))
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A transaction that is taken back afterwards."""
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def user_id(connection: Connection) -> UUID:
    user_id = new_id()
    connection.execute(insert(users).values(id=user_id, name=str(user_id), role="free"))
    return user_id


def legal(user_id: UUID, state: JobState) -> dict[str, Any]:
    """Return a row as it may be in that state."""
    row: dict[str, Any] = {
        "id": new_id(),
        "job_type": "probe",
        "queue": "probe",
        "user_id": user_id,
        "state": state,
        "max_attempts": 3,
        "request_hash": b"",
        "payload": {},
    }
    if state == JobState.RUNNING:
        row |= {"lease_token": uuid4(), "lease_until": NOW, "attempt_ends_by": NOW, "worker_id": "w", "worker_pid": 1}
    row |= {"fan_out": {}} if state == JobState.WAITING else {}
    return row | ({"finished_at": NOW} if state in TERMINAL else {})


@pytest.mark.parametrize("state", JobState)
def test_legal_row_is_taken(connection: Connection, user_id: UUID, state: JobState) -> None:
    connection.execute(insert(jobs).values(**legal(user_id, state)))


ILLEGAL: list[tuple[JobState, dict[str, object], str]] = [
    (JobState.QUEUED, {"state": "sleeping"}, "jobs_state_check"),
    (JobState.QUEUED, {"priority": 10}, "jobs_priority_check"),
    (JobState.QUEUED, {"priority": -1}, "jobs_priority_check"),
    (JobState.QUEUED, {"max_attempts": 0}, "jobs_max_attempts_check"),
    (JobState.QUEUED, {"progress": 1.01}, "jobs_progress_check"),
    (JobState.QUEUED, {"progress": -0.01}, "jobs_progress_check"),
    (JobState.QUEUED, {"cancel_requested_at": NOW}, "jobs_queued_is_wanted_check"),
    (JobState.RUNNING, {"lease_token": None}, "jobs_running_has_lease_check"),
    *((state, {"lease_token": uuid4()}, "jobs_running_has_lease_check") for state in set(JobState) - {"running"}),
    *((state, {"finished_at": None}, "jobs_terminal_is_finished_check") for state in sorted(TERMINAL)),
    *((state, {"finished_at": NOW}, "jobs_terminal_is_finished_check") for state in sorted(set(JobState) - TERMINAL)),
]


@pytest.mark.parametrize(("state", "wrong", "constraint"), sorted(ILLEGAL, key=str))
def test_illegal_row_is_refused(
    connection: Connection, user_id: UUID, state: JobState, wrong: dict[str, object], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        connection.execute(insert(jobs).values(**(legal(user_id, state) | wrong)))


def test_key_is_unique_for_each_user_alone(connection: Connection, user_id: UUID) -> None:
    row = legal(user_id, JobState.QUEUED) | {"idempotency_key": "k"}
    connection.execute(insert(jobs).values(**row))
    with pytest.raises(IntegrityError, match="jobs_idempotency"), connection.begin_nested():
        connection.execute(insert(jobs).values(**(row | {"id": new_id()})))
    other = new_id()
    connection.execute(insert(users).values(id=other, name=str(other), role="free"))
    connection.execute(insert(jobs).values(**(row | {"id": new_id(), "user_id": other})))


WITHOUT_VALUES = sorted(set(Move) - {Move.CLAIM})


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("move", WITHOUT_VALUES)
def test_move_starts_only_where_the_table_says(
    connection: Connection, user_id: UUID, move: Move, state: JobState
) -> None:
    row = legal(user_id, state)
    connection.execute(insert(jobs).values(**row))
    needed: dict[Move, dict[str, Any]] = {Move.RETRY_BY_HAND: {"finished_at": None}, Move.FAN_OUT: {"fan_out": {}}}
    moved = (
        connection.execute(statements.move_job(move, row["id"], **needed.get(move, {})).returning(jobs))
        .mappings()
        .one_or_none()
    )
    if state in MOVES[move].sources:
        assert moved is not None
        assert (moved["state"], moved["version"]) == (MOVES[move].target, 2)
        assert (moved["finished_at"] is not None) == (moved["state"] in TERMINAL)
        assert moved["lease_token"] is None
    else:
        assert moved is None
        assert connection.execute(select(jobs.c.state).where(jobs.c.id == row["id"])).scalar() == state


@pytest.mark.parametrize("move", [Move.SUCCEED, Move.FAIL, Move.TRY_LATER, Move.GIVE_BACK, Move.FAN_OUT, Move.LOSE])
def test_running_job_that_shall_stop_can_only_be_stopped(connection: Connection, user_id: UUID, move: Move) -> None:
    row = legal(user_id, JobState.RUNNING) | {"cancel_requested_at": NOW}
    connection.execute(insert(jobs).values(**row))
    assert connection.execute(statements.move_job(move, row["id"]).returning(jobs)).one_or_none() is None
    stopped = connection.execute(statements.move_job(Move.STOP, row["id"]).returning(jobs)).mappings().one()
    assert stopped["state"] == "cancelled"


def test_write_under_another_lease_changes_nothing(connection: Connection, user_id: UUID) -> None:
    row = legal(user_id, JobState.RUNNING)
    connection.execute(insert(jobs).values(**row))
    others = statements.move_job(Move.SUCCEED, row["id"], token=uuid4())
    assert connection.execute(others.returning(jobs)).one_or_none() is None
    assert connection.execute(statements.report_progress(row["id"], uuid4(), 0.5, None)).one_or_none() is None
    mine = statements.move_job(Move.SUCCEED, row["id"], token=row["lease_token"], result={})
    assert connection.execute(mine.returning(jobs)).mappings().one()["state"] == "succeeded"


def test_lane_never_counts_below_nothing(connection: Connection, user_id: UUID) -> None:
    connection.execute(statements.open_lane("probe", user_id, 2))
    connection.execute(statements.count_down_lane("probe", user_id))
    assert connection.execute(select(job_lanes.c.running).where(job_lanes.c.user_id == user_id)).scalar() == 0
    with pytest.raises(IntegrityError, match="job_lanes_running_check"):
        connection.execute(update(job_lanes).values(running=-1))


@pytest.mark.parametrize(
    "wrong", [{"high": 9.0}, {"low": 10.5}, {"low": 0.0, "open": 0.0}, {"open": 12.0}, {"close": 8.0}], ids=str
)
def test_bar_out_of_order_is_refused(connection: Connection, wrong: dict[str, float]) -> None:
    series = {"symbol": "X", "timeframe": "1d", "source": "import", "bar_count": 0}
    series_id = connection.execute(insert(bar_series).values(**series).returning(bar_series.c.id)).scalar()
    prices = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 1.0}
    connection.execute(insert(bars).values(series_id=series_id, time=NOW, **prices))
    with pytest.raises(IntegrityError, match="bars_ordered_check"):
        connection.execute(insert(bars).values(series_id=series_id, time=func.now(), **(prices | wrong)))
