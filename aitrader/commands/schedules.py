"""`aitrader schedules`: jobs that start again and again."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from aitrader.commands.connect import connect
from aitrader.commands.output import AsJson, moment, print_json, print_table, say
from aitrader.commands.payloads import read_payload

if TYPE_CHECKING:
    from aitrader.client import Schedule

app = typer.Typer(no_args_is_help=True, help="Make, list, steer and delete recurring schedules.")

ScheduleId = Annotated[str, typer.Argument(metavar="ID", help="As `aitrader schedules list` shows it.")]
AllUsers = Annotated[bool, typer.Option("--all", help="All users' schedules, not only one's own (admins only).")]
Cron = Annotated[str, typer.Option(metavar="CRON", help="Minute, hour, day of month, month, day of week.")]
TimeZone = Annotated[str, typer.Option(metavar="ZONE", help="An IANA name, such as America/New_York.")]
CatchUp = Annotated[str, typer.Option(metavar="skip|latest|all", help="What becomes of missed runs.")]
Moment = Annotated[str | None, typer.Option(metavar="ISO", help="A time with its zone.")]
Priority = Annotated[int | None, typer.Option(min=0, max=9, help="0 runs first, 9 last; usually 5.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Unique among your schedules.")],
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help="backtest, pattern_scan, ...")],
    *,
    cron: Cron,
    payload: Annotated[str, typer.Option(metavar="JSON|@FILE|@-", help="The payload, or where it is (@- is stdin).")],
    time_zone: TimeZone = "UTC",
    catch_up: CatchUp = "latest",
    starts_at: Moment = None,
    ends_at: Moment = None,
    priority: Priority = None,
    paused: Annotated[bool, typer.Option("--paused", help="Do not begin before it is resumed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a schedule; print its id."""
    more: dict[str, Any] = {  # Any: JSON values
        "catch_up": catch_up,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "is_paused": paused,
        "options": {} if priority is None else {"priority": priority},
    }
    with connect() as client:
        made = client.schedules.create(name, job_type, read_payload(payload), cron=cron, time_zone=time_zone, **more)
    if as_json:
        print_json(made.model_dump(mode="json"))
    else:
        typer.echo(made.id)
        say(f"{made.description}; next at {moment(made.next_fire_at)} UTC")


@app.command("list")
def list_schedules(*, all_users: AllUsers = False, as_json: AsJson = False) -> None:
    """List schedules, the newest first."""
    with connect() as client:
        found = client.schedules.list(all_users=all_users)
    if as_json:
        print_json([schedule.model_dump(mode="json") for schedule in found])
        return
    print_table(("ID", "NAME", "TYPE", "WHEN", "STATE", "NEXT (UTC)", "LAST (UTC)", "ERROR"), map(_row, found))


@app.command()
def show(schedule_id: ScheduleId, *, all_users: AllUsers = False, as_json: AsJson = False) -> None:
    """Print all that is known of a schedule."""
    with connect() as client:
        _tell(client.schedules.get(schedule_id, all_users=all_users), as_json=as_json)


@app.command("next")
def upcoming(
    schedule_id: ScheduleId,
    *,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 5,
    all_users: AllUsers = False,
    as_json: AsJson = False,
) -> None:
    """Print when the next runs are, in UTC."""
    with connect() as client:
        fires = client.schedules.upcoming(schedule_id, count, all_users=all_users)
    if as_json:
        print_json([fire.isoformat() for fire in fires])
    for fire in () if as_json else fires:
        typer.echo(moment(fire))


@app.command()
def change(
    schedule_id: ScheduleId,
    *,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    cron: Annotated[str | None, typer.Option(metavar="CRON", help="Another expression.")] = None,
    time_zone: Annotated[str | None, typer.Option(metavar="ZONE", help="Another time zone.")] = None,
    catch_up: Annotated[str | None, typer.Option(metavar="skip|latest|all", help="Another rule.")] = None,
    payload: Annotated[str | None, typer.Option(metavar="JSON|@FILE|@-", help="Another payload.")] = None,
    starts_at: Moment = None,
    ends_at: Moment = None,
    all_users: AllUsers = False,
    as_json: AsJson = False,
) -> None:
    """Change what is named."""
    asked = {
        "name": name,
        "cron": cron,
        "time_zone": time_zone,
        "catch_up": catch_up,
        "payload": None if payload is None else read_payload(payload),
        "starts_at": starts_at,
        "ends_at": ends_at,
    }
    changes = {field: value for field, value in asked.items() if value is not None}
    with connect() as client:
        _tell(client.schedules.change(schedule_id, all_users=all_users, **changes), as_json=as_json)


@app.command()
def pause(schedule_id: ScheduleId, *, all_users: AllUsers = False, as_json: AsJson = False) -> None:
    """Start no more runs until it is resumed."""
    with connect() as client:
        _tell(client.schedules.pause(schedule_id, all_users=all_users), as_json=as_json)


@app.command()
def resume(schedule_id: ScheduleId, *, all_users: AllUsers = False, as_json: AsJson = False) -> None:
    """Go on from now; runs of the pause are not made up for."""
    with connect() as client:
        _tell(client.schedules.resume(schedule_id, all_users=all_users), as_json=as_json)


@app.command()
def run(schedule_id: ScheduleId, *, all_users: AllUsers = False, as_json: AsJson = False) -> None:
    """Start one run now, beside the timetable; print its job's id."""
    with connect() as client:
        job = client.schedules.run(schedule_id, all_users=all_users)
    if as_json:
        print_json(job.record.model_dump(mode="json"))
    else:
        typer.echo(job.id)


@app.command()
def delete(schedule_id: ScheduleId, *, all_users: AllUsers = False) -> None:
    """Delete a schedule; jobs that it has started stay."""
    with connect() as client:
        client.schedules.delete(schedule_id, all_users=all_users)
    say(f"deleted {schedule_id}")


def _tell(schedule: "Schedule", *, as_json: bool) -> None:
    if as_json:
        print_json(schedule.model_dump(mode="json"))
        return
    error = schedule.last_error
    facts = {
        "id": schedule.id,
        "name": schedule.name,
        "type": schedule.job_type,
        "cron": f"{schedule.cron} ({schedule.description})",
        "catch up": schedule.catch_up,
        "state": _state(schedule),
        "starts": moment(schedule.starts_at),
        "ends": moment(schedule.ends_at),
        "next": moment(schedule.next_fire_at),
        "last": moment(schedule.last_fire_at),
        "last job": schedule.last_job_id or "-",
        "error": "-" if error is None else f"{error.message} ({error.code}), at {moment(error.at)}",
    }
    for name, fact in facts.items():
        typer.echo(f"{name:<9} {fact}")


def _state(schedule: "Schedule") -> str:
    if schedule.is_paused:
        return "paused"
    return "active" if schedule.next_fire_at is not None else "over"


def _row(schedule: "Schedule") -> tuple[str, ...]:
    return (
        schedule.id,
        schedule.name,
        schedule.job_type,
        schedule.description,
        _state(schedule),
        moment(schedule.next_fire_at),
        moment(schedule.last_fire_at),
        "" if schedule.last_error is None else schedule.last_error.code,
    )
