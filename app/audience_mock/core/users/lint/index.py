"""Digests of what is known: people's ids in every spelling, header lines, placeholders, nothing at all."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from audience_mock.core.users.lint.expected import ALGORITHMS, KINDS, MAID, MD5, PHONE, SHA1, SHA256
from audience_mock.core.users.lint.people import People, known_people
from audience_mock.core.users.lint.spellings import HASHES, Codes, canonical, hashes_again, spellings

HEADERS = frozenset(
    b"email e-mail email_address e-mail_address emailaddress emails mail mail_address email_hash hashed_email"
    b" email_sha256 sha256_email sha256 hash hashes md5 sha1 em phone phone_number phonenumber phones"
    b" mobile mobile_number telephone tel ph phone_hash hashed_phone hashed_phone_number maid maids idfa gaid"
    b" aaid adid advertising_id advertiser_id mobile_advertiser_id mobile_advertising_id device_id device"
    b" madid external_id externalid third_party_id custom_audience_third_party_id customer_id customerid"
    b" user_id userid uid extern_id id ids fbid facebook_id facebook_uid facebookid hashed_pinner_id"
    b" record records".split()
)
"""Names of columns, in lower case with underscores for spaces. Chosen: those of both APIs, and usual ones."""

PLACEHOLDERS = frozenset(
    b"null none nil nan n/a na #n/a undefined unknown missing empty (null) <null> \\n - -- ? true false"
    b" 0".split()
) | {b"[object object]", b"not available"}
"""What programs write for no value, in lower case. Chosen."""

ZERO_ID = b"00000000-0000-0000-0000-000000000000"
"""The IDFA of an iPhone whose owner has not permitted tracking (Apple's advertisingIdentifier)."""


_COMPUTED = tuple(HASHES[algorithm] for algorithm in (SHA256, MD5, SHA1))
_COMPUTED_OF_FEW = tuple(HASHES[algorithm] for algorithm in ALGORITHMS)
"""SHA-512 is rare, so it is looked for with one fault beside it at most."""

_TWICE_OFTEN = (("hashed_upper_case",), ("hashed_plus",))
"""Spellings that are looked for in a hash of a hash, too."""


class Known(NamedTuple):
    """The kind of id (None: it is of no person) and the faults of the spelling that was hashed."""

    kind: str | None
    codes: Codes


class Index:
    """What is known of digests, and of plain values in their canonical spelling."""

    def __init__(self, kind: str, people: People) -> None:
        self.digests: dict[bytes, Known] = {}
        self.plain: dict[bytes, str] = {}
        for person in people:
            for other in KINDS:
                if other != kind and _is_said(person, other):
                    self._add_other(other, person[other])
        for person in people:
            if _is_said(person, kind):
                self._add(kind, person[kind])
        self._add_texts()

    def _add_other(self, kind: str, value: str) -> None:
        """An id that belongs in another column: its usual spellings only."""
        text = canonical(kind, value).encode()
        self.plain[text] = kind
        self._hash(text, Known(kind, ()))
        if kind == PHONE:
            self._hash(b"+" + text, Known(kind, ("hashed_plus",)))
        elif value.encode() != text:
            self._hash(value.encode(), Known(kind, ("hashed_upper_case",)))

    def _add(self, kind: str, value: str) -> None:
        right = canonical(kind, value).encode()
        self.plain[right] = kind
        for codes, text in spellings(kind, value):
            self._hash(text, Known(kind, codes))
            if not codes or (codes in _TWICE_OFTEN and text in (value.title().encode(), value.encode())):
                self._hash_twice(text, Known(kind, ("double_hash", *codes)))

    def _add_texts(self) -> None:
        # A space or a line end may remain of a value.
        for text in (b"", b"\n", b"\r\n", b" ", b'""', b"''", b"\xef\xbb\xbf"):
            self._hash(text, Known(None, ("empty_hash",)))
        self._hash_twice(b"", Known(None, ("double_hash", "empty_hash")))
        for names, code in ((HEADERS, "header_hash"), (PLACEHOLDERS, "placeholder_hash")):
            for name in names:
                text = name.replace(b"_", b" ") if code == "header_hash" else name
                spelled = {name, name.upper(), name.capitalize(), text, text.upper(), text.title()}
                spelled.add(text.capitalize())
                for some in spelled:
                    for whole in (
                        some,
                        some + b"\n",
                        some + b"\r\n",
                        b'"' + some + b'"',
                        b"\xef\xbb\xbf" + some,
                    ):
                        self._hash(whole, Known(None, (code,)))
        for text in (ZERO_ID, ZERO_ID.replace(b"-", b"")):
            self._hash(text, Known(MAID, ("zero_id",)))

    def _hash(self, text: bytes, known: Known) -> None:
        # The first meaning of a digest counts: an id's spellings with the fewest faults come first.
        digests = self.digests
        for compute in _COMPUTED if len(known.codes) > 1 else _COMPUTED_OF_FEW:
            digests.setdefault(compute(text).digest(), known)

    def _hash_twice(self, text: bytes, known: Known) -> None:
        for inner in hashes_again(text):
            for compute in _COMPUTED:
                self.digests.setdefault(compute(inner).digest(), known)


def _is_said(person: Mapping[str, str], kind: str) -> bool:
    """Whether a person has an id; blanks, or a + without digits, are none. The hash of nothing is no one."""
    return bool(canonical(kind, person.get(kind, "")))


@lru_cache(maxsize=len(KINDS))
def included(kind: str) -> Index:
    """The index for a column of this kind, of the people that are included."""
    return Index(kind, known_people())


def index_for(kind: str, people: People = ()) -> Index:
    """The index for a column of this kind, of `people` beside the included ones."""
    return Index(kind, (*known_people(), *people)) if people else included(kind)
