"""Validation strictness: the rules of Pinterest's schemas, and those that only its prose or this server has.

Validators get the world's settings as pydantic's context; without a context all rules apply.
"""

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from audience_mock.providers.pinterest.settings import PinterestOptions


def is_schema_only(settings: PinterestOptions | None) -> bool:
    """Whether requests are checked against Pinterest's schemas alone."""
    return settings is not None and settings.validation == "schema"


class SchemaAllows:
    """Marks a type that is narrower than the one in Pinterest's schema, which it names:
    `Annotated[int, Field(ge=1), SchemaAllows(int)]`. With schema-only validation, values may be anything that
    the schema allows.

    pydantic's strict mode stands for schema-only validation: it is the one choice between two schemas that
    pydantic makes without calling Python, and on JSON, which has types of its own, it changes nothing else
    here.
    """

    def __init__(self, schema_type: Any) -> None:
        self._schema_type = schema_type

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        wider = handler.generate_schema(self._schema_type)
        return core_schema.lax_or_strict_schema(lax_schema=handler(source), strict_schema=wider)
