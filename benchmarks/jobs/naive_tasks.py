"""The reference's table and its Celery worker: late acknowledgement, two updates, one message."""

import json
import os
from datetime import UTC, datetime
from uuid import UUID, uuid4

from celery import Celery
from redis import Redis
from sqlalchemy import DateTime, create_engine, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

DATABASE_URL = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
REDIS_URL = os.environ["REDIS_URL"]
CHANNEL = f"naive-jobs-{REDIS_URL.rpartition('/')[2]}"


class Base(DeclarativeBase):
    pass


class Job(Base):
    __tablename__ = "jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    job_type: Mapped[str]
    payload: Mapped[dict[str, object]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(default="queued", index=True)
    result: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


celery = Celery("naive", broker=REDIS_URL)
celery.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=4,  # Celery's own default, and the faster one for short tasks
    broker_pool_limit=10,
    broker_connection_retry_on_startup=True,
)
engine = create_engine(DATABASE_URL, pool_size=1)  # connects on first use, after the fork
redis = Redis.from_url(REDIS_URL)


@celery.task(name="run_job")
def run_job(job_id: str) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(Job).where(Job.id == UUID(job_id)).values(state="running", started_at=datetime.now(UTC)))
    result = {"ok": True}  # the job itself: nothing
    with Session(engine) as session, session.begin():
        session.execute(
            update(Job)
            .where(Job.id == UUID(job_id))
            .values(state="succeeded", result=result, finished_at=datetime.now(UTC))
        )
    redis.publish(CHANNEL, json.dumps({"id": job_id, "state": "succeeded", "result": result}))
