"""Magic identities: addresses that no person can have, each of which makes an upload end in a certain way.

As Twilio's magic numbers and Stripe's test cards. They are recognized by the digest of the person, so in any
form that an API reads: plain, MD5, SHA-1, SHA-256; see `records`. An upload is a set of people: neither the
order of its lines nor how often it has one matters.

All of this is chosen. What an API answers to a rejected upload is what its own table of errors has.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import md5, sha1, sha256
from typing import Any

from audience_mock.core.audiences.lifecycle import INITIALIZING, PROCESSING, READY, TOO_SMALL
from audience_mock.core.errors import RejectedIdentityError
from audience_mock.core.steps import let_others_run
from audience_mock.core.users.digests import DIGEST_BYTES, Digests, without
from audience_mock.core.users.records import digests_of_plain
from audience_mock.core.worlds.world import World

DOMAIN = "audience-mock.example"
"""Names in `.example` are reserved (RFC 2606): no address there can be real."""

_DEVICE = "00000000-0000-4000-8000-{:012x}"
"""Mobile advertising ids, by the number of the identity. Chosen: no device makes up one of zeros."""

_FIRST_DEVICE = 0xA0D1E0CE0001

_AUDIENCE_STATUSES = {READY: READY, TOO_SMALL: TOO_SMALL}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """An address, and the device of the same imagined person."""

    name: str
    device: str
    effect: str
    """What it does to an upload, for people."""
    matched: bool | None = None
    """Whether the provider knows this person, whatever the match rate is."""
    invalid: bool = False
    keeps_half: bool = False
    list_status: str | None = None
    rejected_with: tuple[int, int | None] | None = None
    """Status, and the API's own code where several errors have the same status."""

    @property
    def address(self) -> str:
        return f"{self.name}@{DOMAIN}"

    @property
    def audience_status(self) -> str | None:
        """That of an audience made of the upload: it has no status of its own for each of a list's."""
        return self.list_status and _AUDIENCE_STATUSES.get(self.list_status, INITIALIZING)

    def forms(self) -> dict[str, dict[str, str]]:
        """The address and the device in each form that an API reads."""
        return {"email": _forms(self.address), "device": _forms(self.device)}


def _forms(value: str) -> dict[str, str]:
    raw = value.encode()
    return {
        "plain": value,
        "md5": md5(raw, usedforsecurity=False).hexdigest(),
        "sha1": sha1(raw, usedforsecurity=False).hexdigest(),
        "sha256": sha256(raw).hexdigest(),
    }


_REJECTIONS: Mapping[str, tuple[tuple[int, int | None], str]] = {
    "reject-400": ((400, None), "400, an invalid request"),
    "reject-400-limit": (
        (400, 8),
        "400, with the code of a rate limit, as Pinterest's clients met it",
    ),
    "reject-401": ((401, None), "401, not authenticated"),
    "reject-401-scopes": ((401, 3), "401, with the code of missing scopes"),
    "reject-403": ((403, None), "403, not permitted"),
    "reject-404": ((404, None), "404, not found"),
    "reject-413": ((413, None), "413, too large"),
    "reject-415": ((415, None), "415, another content type"),
    "reject-422": ((422, None), "422, invalid fields"),
    "reject-429": ((429, None), "429, too many requests"),
    "reject-500": ((500, None), "500, a server error"),
    "reject-503": ((503, None), "503, unavailable"),
}


@cache
def identities() -> Mapping[str, Identity]:
    """All of them by name. Where an upload has several, the first of them that rejects it does, and the first
    that sets a status."""
    effects: dict[str, dict[str, object]] = {
        "always-match": {"matched": True, "effect": "is matched, whatever the match rate is"},
        "never-match": {"matched": False, "effect": "is not matched, whatever the match rate is"},
        "invalid": {"invalid": True, "effect": "counts as an invalid record or line, once"},
        "ready": {
            "list_status": READY,
            "effect": "makes the customer list or audience READY at once, however few people it has",
        },
        "too-small": {
            "list_status": TOO_SMALL,
            "effect": "makes the customer list or audience TOO_SMALL, however many people it has",
        },
        "processing": {
            "list_status": PROCESSING,
            "effect": "leaves the customer list in PROCESSING, the audience in INITIALIZING",
        },
        "uploading": {
            "list_status": "UPLOADING",
            "effect": "leaves the customer list in UPLOADING, the audience in INITIALIZING",
        },
        "fail-half-way": {
            "keeps_half": True,
            "effect": "keeps half of the upload's people, then fails: 500, or FAILED for an upload in parts",
        },
        **{
            name: {"rejected_with": error, "effect": f"rejects the upload with {text}; nothing is kept"}
            for name, (error, text) in _REJECTIONS.items()
        },
    }
    return {
        name: Identity(name=name, device=_DEVICE.format(_FIRST_DEVICE + place), **effect)  # type: ignore[arg-type]
        for place, (name, effect) in enumerate(effects.items())
    }


@cache
def by_digest() -> Mapping[bytes, Identity]:
    """The identities by each digest that one may have as a record or line, sorted by digest."""
    found = {
        digest: identity
        for identity in identities().values()
        for value in (identity.address, identity.device)
        for digest in digests_of_plain(value.encode())
    }
    return dict(sorted(found.items()))


@cache
def matched_digests(*, matched: bool) -> Mapping[bytes, Identity]:
    """Those of the people who are always matched, or never; sorted."""
    return {digest: identity for digest, identity in by_digest().items() if identity.matched is matched}


def watched_by(world: World) -> Mapping[bytes, Identity] | None:
    """What the digests of an upload to this world are compared with; None if magic identities are off."""
    return by_digest() if world.rules.magic_identities else None


@dataclass(frozen=True)
class Effects:
    """What the identities in an upload do to it."""

    identities: Sequence[Identity] = ()

    @property
    def audience_status(self) -> str | None:
        return next((each.audience_status for each in self.identities if each.list_status), None)

    @property
    def list_status(self) -> str | None:
        return next((each.list_status for each in self.identities if each.list_status), None)

    @property
    def invalid(self) -> int:
        return sum(each.invalid for each in self.identities)

    @property
    def keeps_half(self) -> bool:
        return any(each.keeps_half for each in self.identities)

    def raise_if_failed(self) -> None:
        """Raises RejectedIdentityError for an upload of which half is kept: call it when that is done."""
        for each in self.identities:
            if each.keeps_half:
                raise RejectedIdentityError(each.address, 500)


NO_EFFECTS = Effects()


def effects_by_digest(found: Iterable[bytes]) -> Effects:
    """The effects of the identities with these digests."""
    names = {by_digest()[digest].name for digest in found}
    return Effects([identity for name, identity in identities().items() if name in names])


def effects_of(digests: Digests) -> Effects:
    """What the identities in a whole upload do to it. Raises RejectedIdentityError if one rejects it."""
    found = digests.watched_found()
    if not found:
        return NO_EFFECTS
    effects = effects_by_digest(found)
    for identity in effects.identities:
        if identity.rejected_with is not None:
            raise RejectedIdentityError(identity.address, *identity.rejected_with)
    return effects


async def without_invalid(digests: Digests, effects: Effects) -> Digests:
    """What is left of an upload's digests: all but invalid ones, and of these the first half in their order
    if it fails half way. The given ones are closed unless they are what is left. Other requests run after
    each part."""
    if not (effects.invalid or effects.keeps_half):
        return digests
    dropped = {digest: each for digest, each in by_digest().items() if each.invalid or each.keeps_half}
    kept, count = Digests(), 0
    async for part in digests.parts_beside():
        left = without(part, dropped)
        kept.add(left)
        count += len(left) // DIGEST_BYTES
        await let_others_run()
    digests.close()
    return await _first(kept, count // 2) if effects.keeps_half else kept


async def _first(digests: Digests, count: int) -> Digests:
    kept, left = Digests(), count * DIGEST_BYTES
    async for part in digests.parts_beside():
        kept.add(part[:left])
        left -= min(left, len(part))
        await let_others_run()
        if not left:
            break
    digests.close()
    return kept


def identities_as_json() -> list[dict[str, Any]]:
    """All identities with their forms, for the control API and the command."""
    return [{"name": each.name, "effect": each.effect, **each.forms()} for each in identities().values()]
