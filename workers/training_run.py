"""`python -m training` as a part of a job: what it is given, what it says, and how it may end."""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.core.jobs.model_training import ModelTrainingPayload
from backend.core.jobs.outcomes import InvalidJob
from backend.core.training_extra import TRAINING_LIBRARIES, missing_libraries, not_installed_text
from workers.child_process import ChildProcess, running

MAX_TOLD_BYTES = 8_000
REFUSED = 1
"""The exit code of a pipeline that said why it writes no model; any other but 0 is a fault."""
GRACE_S = 1.5
"""Less than a cancelled job has before its own process is ended."""


class TrainingFailed(Exception):
    """The pipeline ended otherwise than it should; the text has the end of what it said."""


@dataclass(frozen=True)
class Trainer:
    """The pipeline that runs, and what it needs to be installed."""

    command: tuple[str, ...] = (sys.executable, "-m", "training")
    libraries: tuple[str, ...] = TRAINING_LIBRARIES
    grace_s: float = GRACE_S

    def require_installed(self) -> None:
        missing = missing_libraries(self.libraries)
        if missing:
            raise InvalidJob("training_not_installed", not_installed_text(missing))


def train(
    trainer: Trainer,
    payload: ModelTrainingPayload,
    folder: Path,
    prices: Path,
    *,
    progress: Callable[[float, str], None],
    check: Callable[[], None],
) -> list[Path]:
    """Return the folders of the models that the pipeline wrote below `folder`.

    `check` is called several times a second, and what it raises ends the pipeline. Raises InvalidJob when the
    pipeline refused its data, TrainingFailed when it broke.
    """
    stderr = folder / "stderr.log"
    command = (*trainer.command, *_arguments(payload, folder, prices))
    settings = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    with running(command, folder=folder, stderr=stderr, environment=settings, grace_s=trainer.grace_s) as child:
        told = _listen(child.lines(check), progress)
        if told.refusal is not None and child.exit_code == REFUSED:
            raise told.refusal
        if child.exit_code != 0 or told.done is None:
            raise TrainingFailed(f"the training ended with {_how(child)}: {_tail(stderr)}")
    return [(folder / path).parent for path in told.done]


def _arguments(payload: ModelTrainingPayload, folder: Path, prices: Path) -> list[str]:
    options: dict[str, object] = {
        "--data": prices,
        "--out": folder / "models",
        "--work": folder / "checkpoints",
        "--seed": payload.seed,
        "--members": ",".join(payload.members),
        "--tuning-trials": payload.tuning_trials,
    }
    words = [str(word) for option in options.items() for word in option]
    return ["suggestion", *words, "--progress-json", *(["--small"] if payload.preset == "small" else [])]


@dataclass(frozen=True)
class _Told:
    """What the pipeline said at last: the manifests it wrote, or why it refused."""

    done: tuple[str, ...] | None = None
    refusal: InvalidJob | None = None


def _listen(lines: Iterable[bytes], progress: Callable[[float, str], None]) -> _Told:
    told = _Told()
    for line in lines:
        said = _json(line)
        if "done" in said:
            told = _Told(done=tuple(said["done"]))
        elif "failed" in said:
            told = _Told(refusal=InvalidJob(str(said["failed"]["code"]), str(said["failed"]["message"])))
        elif "fraction" in said:
            progress(float(said["fraction"]), str(said.get("stage", "")))
    return told


def _json(line: bytes) -> dict[str, Any]:  # Any: JSON
    """Return a line's JSON object; a library's chatter is none."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _how(child: ChildProcess) -> str:
    code = child.exit_code
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _tail(stderr: Path) -> str:
    """Return the end of what was said on standard error."""
    told = stderr.read_bytes()[-MAX_TOLD_BYTES:].decode(errors="replace").strip()
    return told or "it said nothing"
