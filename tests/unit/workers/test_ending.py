"""How an ending is written down."""

from backend.core.jobs.lifecycle import Move
from workers.ending import Ending


def test_an_error_is_kept_without_what_postgres_refuses() -> None:
    error = {"code": "handler_error", "message": "a\0b\ud800c", "traceback": "\0"}
    ending = Ending(Move.FAIL, "failed", error)
    assert ending.kept_error == {"code": "handler_error", "message": "a\ufffdb?c", "traceback": "\ufffd"}
    assert ending.public_error == {"code": "handler_error", "message": "a\ufffdb?c"}


def test_an_ending_without_an_error_keeps_none() -> None:
    assert Ending(Move.STOP, "cancelled").kept_error is None
