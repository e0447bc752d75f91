"""The client: submit jobs and wait for exact answers, from a notebook or a script. Plain HTTP, nothing of the server.

from aitrader.client import Client
report = Client().submit("backtest", {"symbols": ["AAPL"], "strategy": {"kind": "sma_cross"}}).wait().result
"""

from aitrader.client.batch import Batch
from aitrader.client.client import Client
from aitrader.client.events import ServerEvent
from aitrader.client.installation import Installation, find_installation
from aitrader.client.job import Job
from aitrader.client.job_records import Attempt, BatchRecord, BulkResult, JobError, JobRecord, QueueRecord, StateCounts
from aitrader.client.records import Catalogue, ModelDetail, ModelRecord, Series, Signal, SignalPerformance
from aitrader.client.schedules import Schedule
from aitrader.client.webhooks import Delivery, Webhook
from aitrader.errors import (
    AitraderError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    JobCancelled,
    JobFailed,
    LimitReached,
    NoInstallation,
    NoResult,
    NotFound,
    Problem,
    ServerError,
    TooLarge,
    Unauthenticated,
    WaitTimeout,
)

__all__ = [
    "AitraderError",
    "Attempt",
    "Batch",
    "BatchRecord",
    "BulkResult",
    "Catalogue",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "Delivery",
    "Forbidden",
    "Installation",
    "InvalidRequest",
    "Job",
    "JobCancelled",
    "JobError",
    "JobFailed",
    "JobRecord",
    "LimitReached",
    "ModelDetail",
    "ModelRecord",
    "NoInstallation",
    "NoResult",
    "NotFound",
    "Problem",
    "QueueRecord",
    "Schedule",
    "Series",
    "ServerError",
    "ServerEvent",
    "Signal",
    "SignalPerformance",
    "StateCounts",
    "TooLarge",
    "Unauthenticated",
    "WaitTimeout",
    "Webhook",
    "find_installation",
]
