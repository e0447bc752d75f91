"""What is kept of an exception that nobody expected."""

from workers.recorder import bug


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def test_a_bug_is_told_with_its_type_and_text() -> None:
    told = bug(KeyError("close"))
    assert (told["code"], told["message"]) == ("handler_error", "KeyError: 'close'")


def test_an_exception_without_a_text_can_be_told_all_the_same() -> None:
    told = bug(Unspeakable())
    assert told["message"] == "Unspeakable: <exception str() failed>"
    assert "Unspeakable" in (told["traceback"] or "")
