import asyncio
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from backend.api.json_body import MAX_PROBLEMS, JsonBody
from backend.core.errors import Invalid


class Cat(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    kind: Literal["cat"]
    lives: Annotated[int, Field(le=9)]
    weight_kg: float = 4.0


class Dog(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    kind: Literal["dog"]


PET = JsonBody("Pet", Annotated[Cat | Dog, Field(discriminator="kind")], tag_at=0)


def parse(body: bytes) -> Any:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return asyncio.run(PET.parse(Request({"type": "http", "method": "POST", "headers": []}, receive)))


def refused(body: bytes) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse(body)
    return caught.value


def test_body_becomes_the_shape_its_tag_says() -> None:
    assert parse(b'{"kind": "cat", "lives": 9}') == Cat(kind="cat", lives=9)
    assert parse(b'{"kind": "dog"}') == Dog(kind="dog")


def test_problem_names_the_place_without_the_tag_and_the_value() -> None:
    error = refused(b'{"kind": "cat", "lives": 10}')
    assert [problem.path for problem in error.problems] == ["lives"]
    assert "less than or equal to 9; it was 10" in str(error)


@pytest.mark.parametrize(
    "body", [b'{"kind":"cat","lives":"9"}', b'{"kind":"cat","lives":1,"weight_kg":NaN}', b"", b"{"]
)
def test_what_is_not_strictly_so_is_refused(body: bytes) -> None:
    assert refused(body).code == "invalid_request"


def test_very_many_problems_are_cut_short_and_counted() -> None:
    names = ",".join(f'"x{i}": 0' for i in range(1_000))
    error = refused(b'{"kind": "dog", %s}' % names.encode())
    assert len(error.problems) == MAX_PROBLEMS
    assert str(error).endswith(f"and {1_000 - MAX_PROBLEMS} more")


def test_schema_has_a_branch_for_each_tag() -> None:
    schemas = PET.schemas()
    assert schemas["Pet"]["discriminator"]["mapping"].keys() == {"cat", "dog"}
    assert schemas.keys() == {"Pet", "Cat", "Dog"}
    assert PET.openapi["requestBody"]["required"] is True
