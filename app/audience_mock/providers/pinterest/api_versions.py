"""Which release of Pinterest's description is answered, and whether what only its prose says is kept to.

Both are options of a request. Validators get the options as pydantic's context; without a context they do as
the defaults do.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from pydantic import GetCoreSchemaHandler, ValidationInfo, WrapValidator
from pydantic_core import CoreSchema, core_schema

Contract = Literal["5.18", "5.23", "5.28"] | None
"""A release of the description, and nothing that it lacks; None is 5.28 and what was dropped before it."""

Validation = Literal["documented", "schema"]
"""Whether the rules that the prose of the description holds are kept to, or those of its schemas alone."""

BEFORE_5_28: tuple[Contract, ...] = ("5.18", "5.23")

ONLY_IN: Mapping[str, tuple[Contract, ...]] = {"audiences/create_custom": ("5.18", None)}
"""Operations that some contracts lack. `audiences/custom` was described from 5.8 to 5.18. The other
operations are taken to be in all of them: of 5.18 only this one is at hand, and the cut of 5.23 that is at
hand leaves out the ad accounts and `oauth/token/revoke`, which says nothing of the release (chosen)."""

ANSWERED_SINCE_5_28 = frozenset({"is_nca", "is_ctv_enabled"})
"""Keys of audiences and customer lists that are in no answer of 5.23 (5.28's models; recorded, July 2026)."""

LEGACY_ENUM_VALUES: Mapping[str, str] = {
    "ELIGIBLE": "READY",
    "PERSONAS_INITIALIZING": "INITIALIZING",
    "PERSONAS_INELIGIBLE_SIZE": "TOO_SMALL",
    "LOOKALIKE": "ACTALIKE",
}
"""What an older contract says for a status or a type that it does not have. The words that are new are
described; which old one stands for each is chosen."""

Kind = TypeVar("Kind")


def by_contract(*, newest: Kind, before_5_28: Kind) -> Mapping[Contract, Kind]:
    """What goes with each contract, to be looked up by that of a request."""
    return {"5.18": before_5_28, "5.23": before_5_28, "5.28": newest, None: newest}


def is_before_5_28(options: Any) -> bool:
    return options is not None and options.contract in BEFORE_5_28


def is_by_schema_alone(options: Any) -> bool:
    return options is not None and options.validation == "schema"


class DocumentedConstraint:
    """Marks a type that the prose of the description, or this server, makes narrower than its schema is:
    `Annotated[int, Field(ge=1), Prose(int)]`. By schema alone, values are held to the schema's own type.

    pydantic's strict mode stands for by schema alone: it is the one choice between two schemas that pydantic
    makes without asking Python, and in JSON, which has types of its own, it changes nothing else here.
    """

    def __init__(self, schemas_own: Any) -> None:
        self._schemas_own = schemas_own

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        wider = handler.generate_schema(self._schemas_own)
        return core_schema.lax_or_strict_schema(lax_schema=handler(source), strict_schema=wider)


def since_5_28(default: Any) -> WrapValidator:
    """Marks a key or a parameter that came after 5.23: an older contract reads it over, like any that it does
    not know, whatever its value."""

    def validate(value: Any, newest: Callable[[Any], Any], info: ValidationInfo) -> Any:
        return default if is_before_5_28(info.context) else newest(value)

    return WrapValidator(validate)
