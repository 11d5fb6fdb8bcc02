"""What a provider says of the versions of its API that a world can emulate, and of what changed in each."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from audience_mock.web.evidence import Evidence

STATUS = "status"
"""The place of a difference: `status`, `header NAME` or `body PATH`, with `[*]` for an item of a list."""

DEFAULT = "default"
"""What a server without the setting emulates."""
NEWEST = "newest"


class UnknownVersionError(ValueError):
    """No API has these versions; the text says which there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionChange:
    """Something that answers otherwise from the version `since` on.

    It explains differences of these operations at these places (patterns); with `sent`, only of requests that
    have one of these keys in their query or body, or, with a `-` before it, lack it.
    """

    since: str
    what: str
    evidence: Evidence
    operations: Collection[str] = ("*",)
    places: Collection[str] = ("*",)
    sent: Collection[str] = ()

    def explains(self, operation: str, place: str, keys: Collection[str]) -> bool:
        # A bracket is a part of a place, and no set of characters.
        plain = place.replace("[*]", "[]")
        return (
            any(fnmatchcase(operation, pattern) for pattern in self.operations)
            and any(fnmatchcase(plain, pattern) for pattern in self.places)
            and (
                not self.sent
                or any(key[1:] not in keys if key.startswith("-") else key in keys for key in self.sent)
            )
        )


@dataclass(frozen=True, kw_only=True)
class ApiVersions:
    """The versions that `setting` chooses from, the oldest first, other names of them, and their changes."""

    setting: str
    names: Sequence[str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    default: str = ""
    """The version that the server is nearest to where nothing is set."""
    default_is_own: bool = True
    """Whether that is none of them, but a version of its own."""
    changes: Callable[[], Sequence[VersionChange]] = tuple

    def find(self, name: str) -> str | None:
        """The version of this name; None if there is none."""
        if name == NEWEST:
            return self.names[-1]
        if name == DEFAULT:
            return DEFAULT if self.default_is_own else self.default
        named = self.aliases.get(name, name)
        return named if named in self.names else None

    def settings(self, version: str) -> dict[str, Any]:
        """The settings of a server that emulates a version."""
        return {self.setting: None if version == DEFAULT else version}

    def name_of(self, settings: Mapping[str, Any]) -> str:
        """The version that a world with these settings emulates."""
        value = settings.get(self.setting) or DEFAULT
        return self.find(value) or value

    def between(self, one: str, other: str) -> list[VersionChange]:
        """The changes from the older one of two versions to the newer one."""
        first, last = sorted(map(self._place, (one, other)))
        return [change for change in self.changes() if first < self._place(change.since) <= last]

    def _place(self, version: str) -> int:
        return self.names.index(self.default if version == DEFAULT else version)


def api_of(known: Mapping[str, ApiVersions], *names: str) -> str:
    """The first API that has all these versions. Raises UnknownVersionError."""
    for api, versions in known.items():
        if None not in map(versions.find, names):
            return api
    which = "; ".join(f"{api}: {', '.join(versions.names)}" for api, versions in known.items())
    given = " and ".join(name[:100] for name in names)
    one = "is no version of an API" if len(names) == 1 else "are not versions of one API"
    raise UnknownVersionError(f"{given} {one}: {which}; {NEWEST}, {DEFAULT}")
