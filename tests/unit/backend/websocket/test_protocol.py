import json

from backend.core.events import Cursor, Kind, Message
from backend.websocket.protocol import Head, accepted, head_of, refused, snapshot, update


def test_snapshot_wraps_jobs_that_are_json_already() -> None:
    told = json.loads(snapshot("job_updates", "e:1", "jobs", ['{"id":1}', '{"id":2}'], is_complete=False))
    assert told == {
        "ch": "job_updates",
        "type": "snapshot",
        "cursor": "e:1",
        "is_complete": False,
        "data": {"jobs": [{"id": 1}, {"id": 2}]},
    }
    assert json.loads(snapshot("trading_signals", "e:1", "signals", [], is_complete=True))["data"] == {"signals": []}


def test_update_wraps_data_that_is_json_already() -> None:
    told = json.loads(update("job_updates", Message(Cursor("e", 2), "k", Kind.STATE, '{"stage": "caf\\u00e9"}')))
    assert told == {"ch": "job_updates", "type": "update", "cursor": "e:2", "data": {"stage": "café"}}


def test_answers_carry_the_id_that_was_asked_with() -> None:
    assert json.loads(accepted("a", cursor="e:1", recovered=False)) == {
        "id": "a",
        "ok": True,
        "cursor": "e:1",
        "recovered": False,
    }
    refusal = {"id": None, "ok": False, "error": {"code": "forbidden", "message": 'no "way"'}}
    assert json.loads(refused(None, "forbidden", 'no "way"')) == refusal


def test_update_is_put_into_words_once_for_each_channel() -> None:
    message = Message(Cursor("e", 2), "k", Kind.STATE, "{}")
    assert update("job_updates", message) is update("job_updates", message)
    assert json.loads(update("trading_signals", message))["ch"] == "trading_signals"
    assert message == Message(Cursor("e", 2), "k", Kind.STATE, "{}"), "words are no part of what it is"


def test_the_head_of_a_message_is_told_without_reading_it_all() -> None:
    message = Message(Cursor("3f", 2), "k", Kind.STATE, '{"ch": "other"}')
    assert head_of(update("job_updates", message)) == Head("job_updates", "update", "3f:2")
    told = snapshot("trading_signals", "3f:1", "signals", [], is_complete=True)
    assert head_of(told) == Head("trading_signals", "snapshot", "3f:1")
    assert head_of(accepted(1, cursor="3f:1")) is None
    assert head_of(refused(None, "code", '{"ch": "x"}')) is None
