"""What a PATCH may say of when an audience or a customer list becomes ready."""

from pydantic import ConfigDict, Field

from audience_mock.control.errors import invalid_input
from audience_mock.web.schema import ApiModel
from audience_mock.web.timestamps import Timestamp


class ReadinessChange(ApiModel):
    model_config = ConfigDict(extra="forbid")

    status: str | None = None
    ready_at: Timestamp | None = None
    ready_in_s: float | None = Field(default=None, ge=0, le=1e9, description="Seconds from now.")

    @property
    def time_field(self) -> str | None:
        """The field that says when it becomes ready. Raises InvalidInputError if both do."""
        if self.ready_in_s is None:
            return None if self.ready_at is None else "ready_at"
        if self.ready_at is not None:
            raise invalid_input(
                ("ready_in_s",), "is another way to say ready_at: give one of them", self.ready_in_s
            )
        return "ready_in_s"

    def check_status(self, other: str | None) -> None:
        """Raises InvalidInputError if a status is to be held and `other`, a field, says when it changes."""
        if self.status is not None and other is not None:
            raise invalid_input(
                ("status",), f"is held, so {other} has no effect: give one of them", self.status
            )

    def ready_at_ms(self, now_ms: int) -> int | None:
        """When it becomes ready; None to leave that as it is."""
        return self.ready_at if self.ready_in_s is None else now_ms + round(self.ready_in_s * 1000)
