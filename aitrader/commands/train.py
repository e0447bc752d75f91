"""`aitrader train`: the training pipeline on this machine, with its progress shown."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import typer

from aitrader.commands.output import console, say
from aitrader.errors import CommandFailed
from backend.core.training_extra import TRAINING_LIBRARIES, missing_libraries, not_installed_text

HELP = {"-h", "--help"}
SHOWN_AS_THEY_ARE = {"evaluate"}  # its lines are the answer
CONTEXT_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}
INTERRUPTED = 130  # as shells say it
PIPELINE = (sys.executable, "-m", "training")


def train(context: typer.Context) -> None:
    """Train models: `suggestion`, `sentiment`, `all` or `evaluate`, with the options that it has (`train all --help`).

    What was trained is written below --out; nothing of it serves before somebody promotes it.
    """
    raise typer.Exit(run_pipeline(context.args or ["--help"]))


def run_pipeline(
    arguments: Sequence[str], *, pipeline: Sequence[str] = PIPELINE, libraries: Iterable[str] = TRAINING_LIBRARIES
) -> int:
    """Return the exit code of the pipeline; CommandFailed where it cannot run."""
    missing = missing_libraries(libraries)
    if missing:
        raise CommandFailed(not_installed_text(missing), code="training_not_installed")
    if arguments[0] in SHOWN_AS_THEY_ARE or HELP & set(arguments):
        return subprocess.call([*pipeline, *arguments])  # noqa: S603 - our own module, and what was typed
    return _watch([*pipeline, *arguments, "--progress-json"])


def _watch(command: list[str]) -> int:
    """Return the pipeline's exit code once it ended; Ctrl-C ends it, and what it has done so far is kept."""
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 - the same
    assert process.stdout is not None
    try:
        with process.stdout, console(stderr=True).status("starting") as status:
            for line in process.stdout:
                _show(_json(line), status.update)
        return process.wait()
    except KeyboardInterrupt:
        say("stopped; the same command goes on from where it was")
        return INTERRUPTED
    finally:
        process.terminate()
        process.wait()


def _show(said: Mapping[str, Any], update: Callable[[str], None]) -> None:  # Any: JSON
    """Show one event of the pipeline: results on standard output, how far it is on standard error."""
    if "fraction" in said:
        told = f"{said['fraction']:5.1%}  {said.get('stage', '')}"
        update(told)
        if not sys.stderr.isatty():
            say(told)
    for path in said.get("done", ()):
        typer.echo(path)
    if "failed" in said:
        say(f"error: {said['failed']['message']} ({said['failed']['code']})")


def _json(line: str) -> Mapping[str, Any]:  # Any: the same
    """Return a line's JSON object; a library's chatter is none."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
