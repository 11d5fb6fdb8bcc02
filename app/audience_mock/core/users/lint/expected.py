"""What a value is expected to be: the kind of id, and the forms in which it may be sent."""

from typing import NamedTuple

from audience_mock.core.users import records, user_lines

EMAIL, PHONE, MAID, THIRD_PARTY_ID, FBID = "email", "phone", "maid", "third_party_id", "fbid"
KINDS = (EMAIL, PHONE, MAID, THIRD_PARTY_ID, FBID)

PLAIN, MD5, SHA1, SHA256, SHA512 = "plain", "md5", "sha1", "sha256", "sha512"
ALGORITHMS = (MD5, SHA1, SHA256, SHA512)
FORMS = (PLAIN, *ALGORITHMS)

NAMES = {
    EMAIL: "e-mail address",
    PHONE: "phone number",
    MAID: "mobile advertising id",
    THIRD_PARTY_ID: "id of your own",
    FBID: "Facebook id",
    MD5: "MD5",
    SHA1: "SHA-1",
    SHA256: "SHA-256",
    SHA512: "SHA-512",
}

_HASHES = frozenset({MD5, SHA1, SHA256})


class Expected(NamedTuple):
    """`forms` are those of FORMS that the API accepts, `also` further kinds that it accepts beside `kind`."""

    kind: str
    forms: frozenset[str]
    also: frozenset[str] = frozenset()

    @property
    def is_hash(self) -> bool:
        """Whether some hash is accepted."""
        return bool(self.forms - {PLAIN})

    @property
    def is_plain(self) -> bool:
        return PLAIN in self.forms

    def __str__(self) -> str:
        forms = [NAMES.get(form, form) for form in FORMS if form in self.forms]
        return f"{NAMES[self.kind]}, {' or '.join(forms)}"


_SHA256_ONLY, _PLAIN_ONLY = frozenset({SHA256}), frozenset({PLAIN})
DEFAULTS = {
    EMAIL: Expected(EMAIL, _SHA256_ONLY),
    PHONE: Expected(PHONE, _SHA256_ONLY),
    MAID: Expected(MAID, _PLAIN_ONLY),
    THIRD_PARTY_ID: Expected(THIRD_PARTY_ID, _PLAIN_ONLY),
    FBID: Expected(FBID, _PLAIN_ONLY),
}
"""What PitchTarget's documentation says of each type; the plain ones follow from the ids themselves."""

OF_USER_TYPE = {
    user_lines.EMAIL_HASH: DEFAULTS[EMAIL],
    user_lines.PHONE_HASH: DEFAULTS[PHONE],
    user_lines.ADVERTISER_ID: DEFAULTS[MAID],
    user_lines.THIRD_PARTY_ID: DEFAULTS[THIRD_PARTY_ID],
    user_lines.FBID: DEFAULTS[FBID],
}

_DEVICE = Expected(MAID, _HASHES | _PLAIN_ONLY, frozenset({EMAIL}))
OF_LIST_TYPE = {
    # A list of one type may have the others, too (Pinterest's description of `records`).
    records.EMAIL: Expected(EMAIL, _HASHES | _PLAIN_ONLY, frozenset({MAID})),
    records.IDFA: _DEVICE,
    records.MAID: _DEVICE,
    records.LR_ID: DEFAULTS[THIRD_PARTY_ID],
    records.DLX_ID: DEFAULTS[THIRD_PARTY_ID],
    # What is hashed is not documented, so a hash of any kind of id is accepted (chosen).
    records.HASHED_PINNER_ID: Expected(THIRD_PARTY_ID, _HASHES, frozenset(KINDS)),
}

OF_ROW_KEY = {
    "email": Expected(EMAIL, _HASHES | _PLAIN_ONLY),
    "maid": Expected(MAID, _HASHES | _PLAIN_ONLY),
    "hashed_phone_number": Expected(PHONE, _HASHES),
    "hashed_pinner_id": OF_LIST_TYPE[records.HASHED_PINNER_ID],
    "external_id": DEFAULTS[THIRD_PARTY_ID],
    "liveramp_envelope": DEFAULTS[THIRD_PARTY_ID],
}
"""The identifiers of a row of `records_v2`."""
