"""What tables are made of: one metadata, and the columns that many of them have."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Uuid, func

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


def created_at() -> Column[datetime]:
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now())


def user_id() -> Column[UUID]:
    return Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def job_id(*, primary_key: bool = False) -> Column[UUID]:
    owner = ForeignKey("jobs.id", ondelete="CASCADE")
    return Column("job_id", Uuid, owner, nullable=False, primary_key=primary_key)
