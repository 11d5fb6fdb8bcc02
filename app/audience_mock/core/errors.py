"""Errors that the core raises. Each API maps them to a status and a message in its own errors module."""

from collections.abc import Sequence


class DomainError(Exception):
    """The base of all errors of the core."""


class NotFoundError(DomainError):
    """`what` (say, "audience") with the id `id` is not in this world."""

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"{what} {id} is not in this world")
        self.what = what
        self.id = id


class AlreadyExistsError(DomainError):
    """This world has a `what` with the id `id` already; an id is given once."""

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"{what} {id} is already in this world")


class NameTakenError(DomainError):
    """The ad account has a `what` of this name already."""

    field = "name"

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"the ad account has a {what} named {name!r} already")


class InvalidGrantError(DomainError):
    """A code or refresh token that cannot be exchanged; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ScopesNotGrantedError(DomainError):
    """Scopes were requested that were never granted; `scopes` are those, sorted."""

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(f"not granted: {' '.join(scopes)}")
        self.scopes = scopes


class SelfShareError(DomainError):
    """An audience was to be shared with `id`, which owns it or is the one who shares it."""

    def __init__(self, id: str) -> None:
        super().__init__(f"{id} is the one who shares")
        self.id = id


class NotInAccountError(DomainError):
    """A definition refers to a `what` (say, "customer list") with the id `id` that its ad account lacks."""

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"{what} {id} is not in the ad account")
        self.what = what
        self.id = id


class InvalidStateError(DomainError):
    """The operation is not possible in the current state; the text says why."""


class RejectedIdentityError(DomainError):
    """An upload has a magic identity that rejects it with `status`, and `code` where an API has several
    errors of that status; `reason` is for the log and the journal."""

    def __init__(self, address: str, status: int, code: int | None = None) -> None:
        self.reason = f"magic identity {address}"
        super().__init__(self.reason)
        self.status = status
        self.code = code


class WorldReplacedError(DomainError):
    """The world was reset, restored or deleted during an operation, of which nothing was kept."""


class ConfigurationError(DomainError):
    """Something about how the mock is started or controlled; no emulated API shows it."""


class LimitExceededError(ConfigurationError):
    """One more would exceed a limit; the text says which."""


class InvalidNameError(ConfigurationError):
    """A name that is not valid for a world or a snapshot; the text says what is."""


class InvalidStatusError(ConfigurationError):
    """A status that audiences of the API do not have; the text lists those they have."""

    field = "status"


class InvalidSettingsError(ConfigurationError):
    """A setting that does not exist, or a value that it cannot have; the text begins with the setting's
    name, or with `source` where that says better where the value was given."""

    def __init__(self, setting: str, why: str, source: str | None = None) -> None:
        super().__init__(f"{source or setting}: {why}")
        self.setting = setting
        self.why = why


class InvalidTenantsError(ConfigurationError):
    """A file of tenants that cannot be read or is not valid; the text begins with the file and the line."""


class InvalidFaultError(ConfigurationError):
    """A fault that cannot be planned; the text says why, `field` which part is wrong."""

    def __init__(self, text: str, field: str | None = None) -> None:
        super().__init__(text)
        self.field = field


class InvalidSeedError(ConfigurationError):
    """A seed that cannot be read or is not valid; the text starts with the dotted `field`, if any."""

    def __init__(self, why: str, field: str | None = None) -> None:
        super().__init__(f"{field}: {why}" if field else why)
        self.why = why
        self.field = field


class QuotaExceededError(DomainError):
    """One more would exceed a quota of a tenant, or of the server if `tenant` is None. The text is for who
    called, `reason` for the operator."""

    def __init__(self, quota: str, limit: int, tenant: str | None) -> None:
        whose = "the server" if tenant is None else f"tenant {tenant}"
        what = quota.replace("_", " ")
        super().__init__(
            f"{whose} may have {limit} {what} at most: use less, or ask the operator for a higher quota"
        )
        self.quota = quota
        self.limit = limit
        self.tenant = tenant
        self.reason = f"quota {quota}={limit} of {whose}"


class StorageQuotaExceededError(QuotaExceededError):
    """The same of bytes that are kept, or of a body that will never fit."""


class IdTakenError(InvalidSeedError):
    """A seed uses an id that is taken in the world."""


class StoreError(ConfigurationError):
    """A database URL or file that cannot be used; the text says why, and what to do."""


class StoreUnavailableError(DomainError):
    """The database cannot be reached, or did not answer in time; the text says why. What was to be written is
    not, unless the connection was lost while it was committed."""

    @property
    def reason(self) -> str:
        """For the log and the journal, where a response does not say it."""
        return str(self)


class InvalidTextError(DomainError):
    """A text that the database cannot store; the message says why. Nothing was changed."""


class DuplicateRowError(Exception):
    """A row has a key that another row has already; it was not inserted. Of several rows it is the one at
    `position`; None: the last one that was taken. No client sees it."""

    def __init__(self, position: int | None = None) -> None:
        super().__init__("there is a row with this key")
        self.position = position


class BackupError(StoreError):
    """A file that is not a backup, or not a complete one; the text says why."""


class StorageFullError(StoreError):
    """The disk takes no more: it is full, or fails. Nothing was changed."""
