"""What a person reads of a job that was run again."""

from typing import TYPE_CHECKING

from aitrader.commands.output import say
from aitrader.errors import CommandFailed

if TYPE_CHECKING:
    from aitrader.client import Job


def require_same(job: "Job") -> None:
    """Say how a reproduction compares with its record; CommandFailed where the bytes differ."""
    found = job.result["reproduction"]
    for condition in found["conditions"]:
        say(f"{condition['what']} was {condition['then']}, is {condition['now']}")
    first = found["differs_first"]
    if first is not None:
        told = f"{first['what']} was {first['then']}, is {first['now']}"
        raise CommandFailed(f"job {job.id} is not the same as job {found['of']}: {told}")
    say(f"the same bytes as job {found['of']}")
