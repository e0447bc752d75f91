"""`aitrader up`, `demo`, `status`, `doctor` and `logs`: the stack on this machine."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aitrader.commands.output import AsJson, moment, print_json, print_table, say
from aitrader.errors import CommandFailed

if TYPE_CHECKING:
    from aitrader.doctor import Check
    from aitrader.stack.state import StackState
    from aitrader.stack.up import StackHandle, StackOptions
    from aitrader.status import Status

FEWEST_WORKERS = 2
LAST_PORT = 65_535

Port = Annotated[int, typer.Option(min=0, max=LAST_PORT, help="Port of the API; 0 is any free one.")]
Host = Annotated[str, typer.Option(help="Address the API listens on.")]
DataDirectory = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", metavar="DIR", help="Where everything is kept; else AITRADER_DATA_DIR, else this user's place."
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Jobs that run at once; the number of cores, but at least 2.")]
NoFlower = Annotated[bool, typer.Option("--no-flower", help="Start without Flower.")]
FlowerPort = Annotated[int | None, typer.Option(min=0, max=LAST_PORT, help="Port of Flower; else 5555, or a free one.")]
PostgresPort = Annotated[int, typer.Option(min=0, max=LAST_PORT, help="Port of PostgreSQL; 0 is any free one.")]
RedisPort = Annotated[int, typer.Option(min=0, max=LAST_PORT, help="Port of the Redis server; 0 is any free one.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show what every component writes.")]


def up(
    *,
    port: Port = 8000,
    host: Host = "127.0.0.1",
    data_dir: DataDirectory = None,
    workers: Workers = None,
    no_flower: NoFlower = False,
    flower_port: FlowerPort = None,
    postgres_port: PostgresPort = 0,
    redis_port: RedisPort = 0,
    verbose: Verbose = False,
) -> None:
    """Start everything and stay up until Ctrl-C. Prints `ready URL` once jobs are accepted and workers are up.

    DATABASE_URL and REDIS_URL, where set, are used instead of servers of our own.
    """
    from aitrader.stack.up import run_stack  # noqa: PLC0415 - asyncio and psycopg take long to load

    _use(data_dir)
    options = _options(
        port=port,
        host=host,
        workers=workers,
        no_flower=no_flower,
        flower_port=flower_port,
        postgres_port=postgres_port,
        redis_port=redis_port,
        verbose=verbose,
    )
    raise typer.Exit(run_stack(options, on_ready=_say_ready))


def demo(
    *,
    leave: Annotated[bool, typer.Option("--exit", help="Stop after the results are printed.")] = False,
    port: Port = 8000,
    host: Host = "127.0.0.1",
    data_dir: DataDirectory = None,
    workers: Workers = None,
    no_flower: NoFlower = False,
    flower_port: FlowerPort = None,
    postgres_port: PostgresPort = 0,
    redis_port: RedisPort = 0,
    verbose: Verbose = False,
) -> None:
    """Start everything, run two jobs on real prices, print what came of them, and stay up until Ctrl-C.

    Where a stack already runs on the data folder, the jobs run there and the command ends.
    """
    from aitrader.commands import demo_stage  # noqa: PLC0415 - httpx and the stack take long to load

    _use(data_dir)
    options = _options(
        port=port,
        host=host,
        workers=workers,
        no_flower=no_flower,
        flower_port=flower_port,
        postgres_port=postgres_port,
        redis_port=redis_port,
        verbose=verbose,
    )
    raise typer.Exit(demo_stage.perform(options, leaves=leave))


def status(*, data_dir: DataDirectory = None, as_json: AsJson = False) -> None:
    """Show what runs and how each part is; exit 0 only if all is well."""
    from aitrader.status import read_status  # noqa: PLC0415 - httpx takes long to load

    found = read_status(_use(data_dir))
    if as_json:
        print_json(found.as_json())
    else:
        _show_status(found)
    raise typer.Exit(0 if found.is_ok else 1)


def doctor(*, data_dir: DataDirectory = None, as_json: AsJson = False) -> None:
    """Check everything, one after the other, and say what to do about what is wrong; runs one job."""
    from aitrader.doctor import examine  # noqa: PLC0415 - SQLAlchemy and redis take long to load

    checks = []
    for check in examine(_use(data_dir)):
        checks.append(check)
        if not as_json:
            _show_check(check)
    is_ok = all(check.finding.outcome != "failed" for check in checks)
    if as_json:
        print_json({"is_ok": is_ok, "checks": [{"name": check.name, **asdict(check.finding)} for check in checks]})
    raise typer.Exit(0 if is_ok else 1)


def logs(
    component: Annotated[
        str | None, typer.Argument(metavar="COMPONENT", help="api, worker, ...; all when left out.")
    ] = None,
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")] = False,
    data_dir: DataDirectory = None,
) -> None:
    """Print the last lines of a component's log, or of all."""
    from aitrader.log_tail import LogLine, component_names, new_lines, open_tails  # noqa: PLC0415 - for `logs` alone

    folder = _use(data_dir) / "logs"
    names = component_names(folder)
    if not names:
        raise CommandFailed(f"expected logs in {folder}, there are none: was `aitrader up` ever run there?")
    if component is not None and component not in names:
        raise CommandFailed(f"there is no log of {component!r}; there are {', '.join(names)}")

    def show(line: LogLine) -> None:
        typer.echo(line.text if component is not None else f"[{line.component}] {line.text}")

    tails = open_tails(folder, names if component is None else [component])
    try:
        for tail in tails:
            found = tail.read()
            for line in found[max(0, len(found) - lines) :]:
                show(line)
        if follow:
            for line in new_lines(tails):
                show(line)
    except KeyboardInterrupt:
        return  # how following ends
    finally:
        for tail in tails:
            tail.close()


def _use(data_dir: Path | None) -> Path:
    """Return the data folder, which is from now on this process's, however it is asked for."""
    from backend.settings.connections import default_data_dir  # noqa: PLC0415 - its package loads pydantic

    if data_dir is not None:
        os.environ["AITRADER_DATA_DIR"] = str(data_dir.absolute())
    folder = default_data_dir()
    try:
        list(folder.iterdir())
    except FileNotFoundError:
        return folder  # `up` makes it; the others say that nothing runs there
    except OSError as error:
        raise CommandFailed(f"expected a data folder of this user, {folder} is not: {error.strerror}") from error
    return folder


def _options(
    *,
    port: int,
    host: str,
    workers: int | None,
    no_flower: bool,
    flower_port: int | None,
    postgres_port: int,
    redis_port: int,
    verbose: bool,
) -> "StackOptions":
    from aitrader.stack.servers import ServerOptions  # noqa: PLC0415 - psycopg takes long to load
    from aitrader.stack.up import StackOptions  # noqa: PLC0415 - the same

    return StackOptions(
        host=host,
        port=port,
        workers=workers or max(FEWEST_WORKERS, os.cpu_count() or 1),
        with_flower=not no_flower,
        flower_port=flower_port,
        servers=ServerOptions.from_environ(os.environ, postgres_port=postgres_port, redis_port=redis_port),
        verbose=verbose,
    )


async def _say_ready(handle: "StackHandle") -> None:
    typer.echo(f"ready {handle.url}")  # echo flushes
    say(f"docs {handle.url}/docs; admin token in {handle.admin_token_file}; Ctrl-C stops everything")


def _show_status(found: "Status") -> None:
    typer.echo(f"data folder {found.data_dir}")
    if found.problem is not None:
        typer.echo(found.problem)
    if found.stack is not None:
        _show_stack(found.stack)
    if found.health is not None:
        rows = [(part.name, part.status, part.told) for part in found.health.parts]
        print_table(("PART", "HEALTH", "DETAIL"), rows)
    typer.echo("all is well" if found.is_ok else "not all is well; `aitrader doctor` tells what to do")


def _show_stack(stack: "StackState") -> None:
    typer.echo(f"supervisor  pid {stack.pid}, since {moment(stack.started_at)} UTC")
    addresses = {
        "api": stack.url,
        "flower": stack.flower_url,
        "postgres": stack.postgres_port and f"port {stack.postgres_port}",
        "valkey": stack.redis_port and f"port {stack.redis_port}",
    }
    rows = [
        (part.name, part.status, str(part.pid or "-"), str(part.restarts), str(addresses.get(part.name) or ""))
        for part in stack.components
    ]
    print_table(("COMPONENT", "STATUS", "PID", "RESTARTS", "AT"), rows)


def _show_check(check: "Check") -> None:
    finding = check.finding
    typer.echo(f"{finding.outcome:<8} {check.name}: {finding.detail}")
    if finding.advice is not None:
        typer.echo(f"{'':<8} -> {finding.advice}")
