"""Facts that the core raises. Each provider's own errors module gives them a status and words."""

from collections.abc import Sequence


class DomainError(Exception):
    """Something that the core found to be so, and that a caller has to be told."""


class NotFoundError(DomainError):
    """`what` (say, "audience") with the id `id` is not in this world."""

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"{what} {id} is not in this world")
        self.what = what
        self.id = id


class AlreadyExistsError(DomainError):
    """This world has a `what` with the id `id`, and an id is given once."""

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"{what} {id} is already in this world")


class InvalidGrantError(DomainError):
    """A code or refresh token that gives no token: unknown, used, expired, or another app's."""


class ScopesNotGrantedError(DomainError):
    """More was asked for than was once granted; `scopes` are what is too much, sorted."""

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(f"not granted: {' '.join(scopes)}")
        self.scopes = scopes


class SelfShareError(DomainError):
    """An audience was to be shared with `id`, which has it already as its owner or giver."""

    def __init__(self, id: str) -> None:
        super().__init__(f"{id} is the one who shares")
        self.id = id


class NotInAccountError(DomainError):
    """A definition names a `what` (say, "customer list") by the `id`, and its ad account has none."""

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"{what} {id} is not in the ad account")
        self.what = what
        self.id = id


class InvalidStateError(DomainError):
    """What is asked for does not go with the state that something is in; the text says why."""


class WorldReplacedError(DomainError):
    """The world was reset, restored or deleted while something was being done to it; nothing of that is
    left."""


class ConfigurationError(DomainError):
    """Something about how the mock is started or steered; no API has words for it."""


class LimitExceededError(ConfigurationError):
    """There is no room for one more; the text says how many there may be."""


class InvalidNameError(ConfigurationError):
    """A name that a world or a snapshot cannot have; the text says what it may be."""


class InvalidStatusError(ConfigurationError):
    """A status that an audience of its API does not have; the text lists those it has."""

    field = "status"


class InvalidSettingsError(ConfigurationError):
    """A setting that no world has, or a value that it does not take; the text names it."""


class InvalidFaultError(ConfigurationError):
    """A fault that cannot be planned; the text says why, `field` which part of it is wrong."""

    def __init__(self, text: str, field: str | None = None) -> None:
        super().__init__(text)
        self.field = field


class InvalidSeedError(ConfigurationError):
    """A seed that cannot be read or does not hold what a seed holds; the text begins with the dotted `field`,
    if it is of one."""

    def __init__(self, why: str, field: str | None = None) -> None:
        super().__init__(f"{field}: {why}" if field else why)
        self.why = why
        self.field = field


class IdTakenError(InvalidSeedError):
    """A seed gives something an id that the world has given already."""


class StoreError(ConfigurationError):
    """A database URL or file that cannot be used; the text says why and what to do."""
