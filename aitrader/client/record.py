"""What all records of this client have in common: they are what a server answered, typed."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from aitrader.errors import ServerError

Json = Mapping[str, Any]  # Any: a JSON value


class Record(BaseModel):
    """Fields that a newer server adds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def of(cls, told: Json) -> Self:
        """Return the record that a server told of."""
        try:
            return cls.model_validate(told)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ServerError(f"expected a {cls.__name__} as this client knows it; {where}: {first['msg']}") from error
