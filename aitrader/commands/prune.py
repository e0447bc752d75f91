"""`aitrader prune`: delete what ended long ago, now. Works on the database and the artifact store themselves."""

import re
from dataclasses import asdict
from typing import Annotated

import typer

from aitrader.commands.database import open_database
from aitrader.commands.output import AsJson, print_json
from aitrader.errors import CommandFailed

AGE = re.compile(r"(?P<number>\d{1,6})(?P<unit>[mhd])")
SECONDS = {"m": 60, "h": 3_600, "d": 86_400}


def prune(
    *,
    older_than: Annotated[str, typer.Option(metavar="AGE", help="What ended longer ago than this: 30d, 12h, 90m.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be deleted.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete ended jobs with all that belongs to them, their batches, and webhook deliveries."""
    from backend.core.artifacts import ArtifactStore  # noqa: PLC0415 - takes long to load
    from backend.core.pruning import Ages, Pruner  # noqa: PLC0415 - the same
    from backend.settings import Settings  # noqa: PLC0415 - the same

    age_s = _seconds(older_than)
    ages = Ages(age_s, age_s)
    with open_database() as engine:
        pruner = Pruner(engine, ArtifactStore(Settings().artifacts))
        found = pruner.count(ages)
        if dry_run:
            _tell(asdict(found), as_json=as_json)
            return
        told = f"delete {found.jobs} jobs and {found.deliveries} webhook deliveries?"
        if not yes and not typer.confirm(told, err=True):
            raise CommandFailed("nothing was deleted")
        _tell(asdict(pruner.prune(ages)), as_json=as_json)


def _seconds(age: str) -> float:
    found = AGE.fullmatch(age)
    if found is None:
        raise typer.BadParameter(
            f"expected a number with m, h or d, such as 30d; it was {age!r}", param_hint="--older-than"
        )
    return float(int(found["number"]) * SECONDS[found["unit"]])


def _tell(counts: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        print_json(counts)
        return
    for name, count in counts.items():
        typer.echo(f"{name.replace('_', ' '):<16} {count}")
