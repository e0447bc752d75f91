"""A training pipeline that does as the first member says: `python -m tests.fake_training suggestion --data ...`.

It stands where `python -m training` would, speaks as it does, and writes small real models.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from model_files.manifest import MANIFEST_NAME
from tests.model_folders import write_model

FOREVER_S = 600


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    for name in ("--data", "--out", "--work"):
        parser.add_argument(name, type=Path)
    for name in ("--seed", "--members", "--tuning-trials"):
        parser.add_argument(name)
    for name in ("--small", "--progress-json"):
        parser.add_argument(name, action="store_true")
    given = parser.parse_args()
    note(given)
    if given.tuning_trials == "13":
        raise RuntimeError("out of ideas")
    return MODES[given.members.split(",")[0]](given)


def note(given: argparse.Namespace) -> None:
    """Leave beside the checkpoints what this process was given, for the test to look at."""
    given.work.mkdir(parents=True, exist_ok=True)
    told = {"environment": dict(os.environ), "niceness": os.nice(0), "pid": os.getpid(), "group": os.getpgrp()}
    (given.work / "noted.json").write_text(json.dumps(told))


def say(**told: object) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def succeed(given: argparse.Namespace) -> int:
    sys.stdout.write("chatter of a library\n")
    say(fraction=0.5, stage="half of it")
    write_once(given.out, float(given.seed))
    manifests = sorted(str(path) for path in given.out.glob(f"*/*/{MANIFEST_NAME}"))
    say(done=manifests)
    return 0


def write_once(out: Path, added: float) -> None:
    """Write a model where it is not there yet, as a run does that goes on."""
    if not (out / "trained").exists():
        write_model(out, added, name="trained")


def refuse(given: argparse.Namespace) -> int:
    say(failed={"code": "data_refused", "message": "training needs ten years of bars, there was one"})
    return 1


def hang(given: argparse.Namespace) -> int:
    """Run until ended, with an heir in the same process group."""
    heir = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({FOREVER_S})"])
    (given.work / "heir.pid").write_text(str(heir.pid))
    say(fraction=0.1, stage="hanging")
    time.sleep(FOREVER_S)
    return 0


def hang_on(given: argparse.Namespace) -> int:
    """The same, deaf to SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return hang(given)


MODES = {"lightgbm": succeed, "xgboost": refuse, "lstm": hang, "transformer": hang_on}

if __name__ == "__main__":
    sys.exit(main())
