"""Targets are judged after resolution, and the judged address is the one that is connected to."""

import asyncio
from collections.abc import Sequence

import pytest

from workers.webhooks.target import Target, TargetRefused, targets_of

PUBLIC, OTHER = "93.184.215.14", "2606:4700:4700::1111"


class Names:
    """A name server that says something else each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0)


def found(url: str, names: Names, *, allow_private: bool = False) -> list[Target]:
    return asyncio.run(targets_of(url, names.resolve, allow_private=allow_private))


def test_each_address_keeps_the_name_for_the_header_and_for_tls() -> None:
    names = Names([PUBLIC, OTHER])
    first, second = found("https://hooks.example:8443/a?b=c", names)
    assert str(first.url) == f"https://{PUBLIC}:8443/a?b=c"
    assert str(second.url) == f"https://[{OTHER}]:8443/a?b=c"
    assert (first.host_header, first.server_name) == ("hooks.example:8443", "hooks.example")
    assert names.asked == [("hooks.example", 8443)]


def test_the_port_is_the_schemes_own_unless_named() -> None:
    names = Names([PUBLIC], [PUBLIC])
    assert found("https://hooks.example/", names)[0].host_header == "hooks.example"
    found("http://hooks.example/", names)
    assert names.asked == [("hooks.example", 443), ("hooks.example", 80)]


def test_a_name_that_changes_its_mind_is_asked_once_and_taken_at_its_first_word() -> None:
    names = Names([PUBLIC], ["127.0.0.1"])
    assert [target.url.host for target in found("https://rebind.example/", names)] == [PUBLIC]
    assert len(names.asked) == 1
    with pytest.raises(TargetRefused, match="not public"):
        found("https://rebind.example/", names)


def test_one_address_that_may_not_be_reached_refuses_all() -> None:
    with pytest.raises(TargetRefused, match="not public") as refused:
        found("https://mixed.example/", Names([PUBLIC, "10.1.2.3"]))
    assert "10.1.2.3" not in str(refused.value)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1%eth0", "0.0.0.0", "::ffff:169.254.169.254"])
def test_metadata_is_refused_even_where_private_targets_are_allowed(address: str) -> None:
    with pytest.raises(TargetRefused):
        found("http://metadata.example/", Names([address]), allow_private=True)


def test_numbers_in_odd_forms_are_judged_by_what_they_mean() -> None:
    with pytest.raises(TargetRefused):
        found("http://127.1/", Names(["127.0.0.1"]))
    with pytest.raises(TargetRefused):
        found("http://0x7f000001/", Names(["127.0.0.1"]))


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(TargetRefused, match="could not be resolved"):
        found("http://nobody.example/", Names([]))
