"""What can go wrong between a caller and this product. Each error carries a stable `code`.

AppError
├── Unauthenticated        who are you?
├── Forbidden              you may not
├── NotFound               there is none that you may see
├── Invalid                the request does not say what it should; `problems` says where
│   └── KeyReused          an idempotency key came back with another body
├── TooLarge               the body is over its limit
├── Conflict               the job's state does not allow it
│   └── NotConfirmed       a bulk request came with another count than its filter matches
├── TooManyUnfinished      the user has as many unfinished jobs as the role may have
├── TooManyConnections     the user has as many open as the settings allow
└── Unavailable            a part we need does not answer
    └── QueueDraining      an operator lets the queue run empty: it takes nothing new

HTTP numbers are chosen in `api/errors.py` alone. How a job's handler ends is told in `core/jobs/outcomes.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Problem:
    """One wrong place in a request: a path such as `payload.strategy.fast`, and what was expected."""

    path: str
    message: str


class AppError(Exception):
    code: ClassVar[str] = "error"
    retry_after_s: ClassVar[int | None] = None
    """After how long it may be worth to try again; None: trying again changes nothing."""


class Unauthenticated(AppError):
    code = "unauthenticated"


class Forbidden(AppError):
    code = "forbidden"


class NotFound(AppError):
    code = "not_found"


class Invalid(AppError):
    code = "invalid_request"

    def __init__(self, text: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(text)
        self.problems = tuple(problems)


class KeyReused(Invalid):
    code = "idempotency_key_reused"


class TooLarge(AppError):
    code = "too_large"


class Conflict(AppError):
    code = "conflict"


class NotConfirmed(Conflict):
    code = "not_confirmed"


class TooManyUnfinished(AppError):
    code = "too_many_unfinished"
    retry_after_s = 5


class TooManyConnections(AppError):
    code = "too_many_connections"


class Unavailable(AppError):
    code = "unavailable"
    retry_after_s = 2


class QueueDraining(Unavailable):
    code = "queue_draining"
    retry_after_s = 30
