"""The environment variables that the product's settings are read from."""

from collections.abc import Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from backend.settings import Settings


def setting_fields() -> Mapping[str, FieldInfo]:
    """Return every setting's field by the name of its environment variable."""
    found: dict[str, FieldInfo] = {}
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            found |= {f"{name}__{inner}".upper(): inner_field for inner, inner_field in group.model_fields.items()}
        else:
            found[str(field.validation_alias or name).upper()] = field
    return found
