"""A backtest as a job: a worker's first beside its tenth, and a warm one beside a no-op probe."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.backtests.table import Row
from benchmarks.jobs.latency import Watch
from benchmarks.jobs.systems import NO_OP, READY_WITHIN_S, Product, product_on, stop_all
from benchmarks.jobs.wire import Address, HttpConnection, WsConnection, request
from tests.platform import running_servers
from tests.waiting import eventually

BACKTEST = json.dumps(
    {
        "job_type": "backtest",
        "payload": {
            "symbols": ["AAPL"],
            "timeframe": "1d",
            "strategy": {"kind": "sma_cross", "fast": 10, "slow": 30},
            "costs": {"commission_rate": 0.001},
        },
    }
)
TENTH = 10
WARM_UP = 30


def measure(*, rounds: int, samples: int) -> list[Row]:
    """Return what a worker's first job costs, and a warm job; each round has a worker of its own."""
    firsts, tenths, backtests, probes = [], [], [], []
    with (
        tempfile.TemporaryDirectory() as temporary,
        running_servers(Path(temporary) / "servers") as servers,
        product_on(servers, Path(temporary), 1) as product,
    ):
        product.start_api()
        product.platform.start("workers.relay")
        for number in range(rounds + 1):
            worker = _new_worker(product)
            series = asyncio.run(_waits_ms(product, [NO_OP] * WARM_UP + [BACKTEST] * TENTH))
            if number:  # before the first round's jobs, nobody had stored the bars
                firsts.append(series[WARM_UP])
                tenths.append(series[-1])
                mixed = asyncio.run(_waits_ms(product, [NO_OP, BACKTEST] * samples))
                probes += mixed[::2]
                backtests += mixed[1::2]
            product.platform.processes.remove(worker)
            stop_all([worker])
            eventually(lambda: not product.platform.workers(), timeout_s=READY_WITHIN_S, what="the worker's end")
    return rows_of(firsts, tenths, backtests, probes)


def rows_of(
    firsts: Sequence[float], tenths: Sequence[float], backtests: Sequence[float], probes: Sequence[float]
) -> list[Row]:
    warm, probe = median(backtests), median(probes)
    return [
        Row("a worker's first backtest job, POST to result", "ms", median(firsts), wanted="as its tenth"),
        Row("its tenth", "ms", median(tenths)),
        Row("a warm backtest job, POST to result", "ms", warm),
        Row("a no-op probe, POST to result", "ms", probe),
        Row("a warm backtest job beyond a probe", "ms", warm - probe, wanted="within 5"),
    ]


def _new_worker(product: Product) -> subprocess.Popen[bytes]:
    before = len(product.platform.workers())
    worker = product.platform.start("workers", "--concurrency", "1", "--queues", "probe,backtest")
    eventually(lambda: len(product.platform.workers()) > before, timeout_s=READY_WITHIN_S, what="the worker")
    return worker


async def _waits_ms(product: Product, bodies: Sequence[str]) -> list[float]:
    watch, address = Watch(), Address.of(product.url)
    headers = dict(product.headers)
    socket = await WsConnection.open(address, product.listen_path, headers, watch.hear)
    http = await HttpConnection.open(address)
    posts = [request("POST", "/jobs", {"content-type": "application/json"} | headers, body.encode()) for body in bodies]
    waits = [await watch.once_ms(http, post) for post in posts]
    socket.close()
    http.close()
    return waits
