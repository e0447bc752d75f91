"""JSON bodies, read by pydantic's own parser.

FastAPI parses JSON first and validates Python values after, where strict numbers and dates-as-text do not go
together and NaN has already slipped in. Here the bytes go straight into the model, and the model's schema goes
into the OpenAPI document.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter, ValidationError

from backend.core.errors import Invalid
from backend.core.jobs.submission import problems_of

MAX_PROBLEMS = 20
"""A body may be wrong in very many places; an answer that lists them all would dwarf it."""
REFERENCE = "#/components/schemas/{model}"


class JsonBody:
    """A body of one shape: `parse` reads it from a request, `openapi` describes it to the document."""

    def __init__(self, name: str, shape: Any, *, tag_at: int | None = None) -> None:  # Any: a type form
        """tag_at: where in a path pydantic puts the tag of a tagged union (0: the whole body is one)."""
        self.name = name
        self._tag_at = tag_at
        self.adapter: TypeAdapter[Any] = TypeAdapter(shape)  # Any: the shape's values; callers annotate theirs

    async def parse(self, request: Request) -> Any:  # Any: the same
        """Return the validated body; Invalid says what is wrong, and where."""
        body = await request.body()
        if not body:
            raise Invalid("expected a JSON body, it was empty")
        try:
            return self.adapter.validate_json(body)
        except ValidationError as error:
            problems = problems_of(error, tag_at=self._tag_at)
            shown = problems[:MAX_PROBLEMS]
            told = "; ".join(f"{p.path}: {p.message}" if p.path else p.message for p in shown)
            more = f"; and {len(problems) - len(shown)} more" if len(problems) > len(shown) else ""
            raise Invalid(told + more, shown) from error

    @property
    def openapi(self) -> dict[str, Any]:  # Any: an OpenAPI fragment
        schema = {"$ref": REFERENCE.format(model=self.name)}
        return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}

    def schemas(self) -> dict[str, Any]:  # Any: JSON Schemas by name
        schema = self.adapter.json_schema(ref_template=REFERENCE)
        return {**schema.pop("$defs", {}), self.name: schema}


def install_openapi(
    app: FastAPI,
    bodies: Sequence[JsonBody],
    extra: Mapping[str, Any],  # Any: JSON Schemas by name
) -> None:
    """Make the document once, when first asked for, with the schemas of all JSON bodies in it."""

    def document() -> dict[str, Any]:  # Any: an OpenAPI document
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            for body in bodies:
                schemas.update(body.schemas())
            schemas.update(extra)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
