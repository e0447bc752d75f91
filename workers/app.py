"""The Celery application: a queue a job type, one task that answers every doorbell, prefork children.

Celery carries doorbells and keeps the pool of processes alive. It acknowledges early, keeps no results, knows no
retries, countdowns or revokes: what a job does next is decided in Postgres (docs/adr/0001, 0003).
"""

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

import psutil
from celery import Celery
from celery.signals import (
    setup_logging,
    worker_process_init,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)
from kombu import Queue

from backend.core.ids import new_id
from backend.core.jobs.registry import QUEUES
from backend.core.logging import configure_logging, get_logger
from backend.core.processes import die_with_parent
from backend.core.queue import RING_TASK
from backend.settings import Settings

STOPPING_SIGNAL = signal.SIGUSR2
KEEPER_CHECK_S = 1.0

settings = Settings()
log = get_logger(__name__)

app = Celery("aitrader", broker=settings.redis)
app.conf.update(
    task_queues=[Queue(name) for name in QUEUES],
    task_acks_late=False,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_send_task_events=True,
    worker_consumer="workers.consumer:LateTellingConsumer",
    worker_proc_alive_timeout=60.0,  # a child opens its models before it says that it is there
    task_send_sent_event=False,
    worker_max_tasks_per_child=None,
    broker_transport_options={
        "ack_emulation": False,
        "socket_connect_timeout": 1,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    enable_utc=True,
)


class Worker:
    """What this process is to the jobs it runs. Made before the pool forks, so children share the id."""

    def __init__(self) -> None:
        self.id = new_id().hex
        self.main_pid = os.getpid()
        self.keeper: subprocess.Popen[bytes] | None = None
        self.runner: Any = None  # Any: a Runner, whose module loads the engines; only pool children make one


worker = Worker()


@app.task(name=RING_TASK)
def run_next(queue: str, hint: str | None = None) -> None:
    """Answer a doorbell: run the best job of the queue, if there is one. `hint` is for people who watch."""
    del hint
    worker.runner.run_next(queue)


@setup_logging.connect
def _configure_logging(**_: object) -> None:
    configure_logging(settings, service="worker")


@worker_process_init.connect
def _begin_child(**_: object) -> None:
    """In each pool child: die with the parent, and make connections of our own (none survives a fork)."""
    die_with_parent(worker.main_pid)
    try:
        from workers.runner import Runner  # noqa: PLC0415 - loads the engines, which only children need

        worker.runner = Runner(settings, worker_id=worker.id)
        worker.runner.warm(queue.name for queue in app.amqp.queues.consume_from.values())
        signal.signal(STOPPING_SIGNAL, worker.runner.stop_soon)
    except BaseException:
        # Celery would note it and go on with a child that swallows every doorbell.
        log.exception("child_cannot_work")
        os._exit(1)


@worker_ready.connect
def _watch_keeper(sender: Any, **_: object) -> None:  # Any: Celery's consumer
    """Start the process that renews leases (nothing that a job computes can starve it), and again should it die."""
    queues = sorted(queue.name for queue in app.amqp.queues.consume_from.values())
    slots = int(sender.pool.num_processes)
    _start_keeper(queues, slots)
    sender.timer.call_repeatedly(KEEPER_CHECK_S, _revive_keeper, (queues, slots))
    log.info("worker_ready", worker_id=worker.id, queues=queues, slots=slots)


def _revive_keeper(queues: list[str], slots: int) -> None:
    if worker.keeper is not None and worker.keeper.poll() is not None:
        log.warning("keeper_died", exit_code=worker.keeper.returncode)
        _start_keeper(queues, slots)


def _start_keeper(queues: list[str], slots: int) -> None:
    worker.keeper = subprocess.Popen(  # noqa: S603 - our own interpreter, module and numbers
        [sys.executable, "-m", "workers.keeper", worker.id, str(os.getpid()), str(slots), ",".join(queues)]
    )


@worker_shutting_down.connect
def _tell_children(**_: object) -> None:
    """Ask running jobs to stop at their next check; they go back to the queue, and the attempt does not count."""
    keeper_pid = None if worker.keeper is None else worker.keeper.pid
    for child in psutil.Process().children():
        if child.pid != keeper_pid:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.send_signal(STOPPING_SIGNAL)


@worker_shutdown.connect
def _stop_keeper(**_: object) -> None:
    if worker.keeper is not None:
        worker.keeper.terminate()
        worker.keeper.wait(5)
