"""What can go wrong for a person with a script or a terminal. Each error carries a `code`.

AitraderError
├── ConnectionFailed       the server could not be reached, or gave no answer in time
│   └── NoInstallation     there is nothing to connect to: no URL was named and no local stack runs
├── ServerError            the server failed, or answered what this client does not understand
├── Unauthenticated        no token, or not a good one
├── Forbidden              the token's user may not do this
├── NotFound               there is no such thing that the user may see
├── InvalidRequest         the request does not say what it should; `problems` says where
├── Conflict               the job's state does not allow it
├── TooLarge               what was sent is over the server's limit
├── LimitReached           the user has as much going on as is allowed; later there will be room
├── JobFailed              a job that was waited for failed; carries the `job`
├── JobCancelled           a job that was waited for was cancelled; carries the `job`
├── WaitTimeout            a job (or a batch) did not end in time, and goes on; carries it as `job`
├── NoResult               a job has no result, or not yet
└── CommandFailed          a command cannot do its work; its text is for the person at the terminal

An error that a server told of carries the code of its problem document (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from aitrader.client.batch import Batch
    from aitrader.client.job import Job


@dataclass(frozen=True)
class Problem:
    """One wrong place in a request: a path such as `payload.strategy.fast`, and what was expected."""

    path: str
    message: str


class AitraderError(Exception):
    default_code: ClassVar[str] = "error"

    def __init__(self, text: str, *, code: str | None = None) -> None:
        super().__init__(text)
        self.code = code or self.default_code


class ConnectionFailed(AitraderError):
    default_code = "connection_failed"


class NoInstallation(ConnectionFailed):
    default_code = "no_installation"


class ServerError(AitraderError):
    default_code = "server_error"


class Unauthenticated(AitraderError):
    default_code = "unauthenticated"


class Forbidden(AitraderError):
    default_code = "forbidden"


class NotFound(AitraderError):
    default_code = "not_found"


class InvalidRequest(AitraderError):
    default_code = "invalid_request"

    def __init__(self, text: str, *, code: str | None = None, problems: Sequence[Problem] = ()) -> None:
        super().__init__(text, code=code)
        self.problems = tuple(problems)


class Conflict(AitraderError):
    default_code = "conflict"


class TooLarge(AitraderError):
    default_code = "too_large"


class LimitReached(AitraderError):
    default_code = "limit_reached"


class _JobError(AitraderError):
    def __init__(self, text: str, job: Job | Batch, *, code: str | None = None) -> None:
        super().__init__(text, code=code)
        self.job = job


class JobFailed(_JobError):
    default_code = "job_failed"


class JobCancelled(_JobError):
    default_code = "job_cancelled"


class WaitTimeout(_JobError):
    default_code = "wait_timeout"


class NoResult(_JobError):
    default_code = "no_result"


class CommandFailed(AitraderError):
    default_code = "command_failed"
