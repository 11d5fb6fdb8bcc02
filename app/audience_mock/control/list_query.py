"""What the listings of audiences and customer lists have in common: search, order and pages."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from audience_mock.web.schema import ApiModel

MAX_LIMIT = 1000


class ListQuery(ApiModel):
    """A page of what meets all criteria that are given."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = Field(
        default=None,
        max_length=500,
        description="Part of the name (A to Z in any case), the beginning of the id, or the account.",
    )
    order: Literal["asc", "desc"] = "desc"
    limit: int = Field(default=50, ge=0, le=MAX_LIMIT, description="Number of rows at most.")
    offset: int = Field(default=0, ge=0, le=1 << 53, description="Number of rows to leave out first.")

    def criteria(self) -> dict[str, Any]:
        """As the searches of the core take them."""
        given = self.model_dump()
        return {"descending": given.pop("order") == "desc", **given}
