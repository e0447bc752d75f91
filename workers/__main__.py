"""`python -m workers`: one Celery worker on some queues (all by default) with N prefork children."""

import argparse
import os

from backend.core.jobs.registry import QUEUES


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workers")
    parser.add_argument("--concurrency", type=int, default=max(2, os.cpu_count() or 1), help="jobs at once")
    parser.add_argument("--queues", default=",".join(QUEUES), help="comma separated; all by default")
    options = parser.parse_args()
    unknown = set(options.queues.split(",")) - set(QUEUES)
    if unknown:
        parser.error(f"--queues must be among {', '.join(QUEUES)}; {', '.join(sorted(unknown))} is not")

    from workers.app import app  # noqa: PLC0415 - reads the settings, which --help does not need
    from workers.warm import warm  # noqa: PLC0415 - loads the engines, before the pool forks

    warm(options.queues.split(","))
    arguments = [
        "worker",
        "--pool",
        "prefork",
        "--concurrency",
        str(options.concurrency),
        "--queues",
        options.queues,
    ]
    app.worker_main([*arguments, "--without-mingle", "--without-gossip", "--task-events", "--loglevel", "INFO"])


if __name__ == "__main__":
    main()
