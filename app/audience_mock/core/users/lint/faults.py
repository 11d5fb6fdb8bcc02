"""The faults that a value can have, by code: what the value is, and what its sender should change."""

from typing import NamedTuple

from audience_mock.core.users.lint.expected import MD5, NAMES, SHA1, SHA256, SHA512, Expected


class Fault(NamedTuple):
    what: str
    change: str


_NORMALIZE = "trim and lower-case the value before hashing it"
_STRIP = "remove everything but the value before hashing it"
_SKIP = "leave out people who lack this id"
_RAW_TEXT = "hash the UTF-8 bytes of the value alone"

FAULTS = {
    "plain": Fault("plain text", "hash it: SHA-256 in hex of the trimmed and lower-cased value"),
    "hashed": Fault("a hash", "send the id itself: this type is not hashed"),
    MD5: Fault(NAMES[MD5], "hash with SHA-256"),
    SHA1: Fault(NAMES[SHA1], "hash with SHA-256"),
    SHA256: Fault(NAMES[SHA256], "hash with an algorithm that is accepted"),
    SHA512: Fault(NAMES[SHA512], "hash with SHA-256"),
    "upper_case_hex": Fault("hex in upper case", "write hex digits in lower case, as most platforms demand"),
    "base64": Fault("base64", "encode in hex: hexdigest(), not base64 of digest()"),
    "hex_prefix": Fault("a prefix before hex digits", "send the hex digits alone"),
    "wrong_length": Fault(
        "hex digits of a length that no accepted hash has",
        "hash with an algorithm that is accepted, and look for a column that cuts values",
    ),
    "double_hash": Fault("a hash of a hash", "hash once: the values were hashed already"),
    "hashed_upper_case": Fault("hashed without lower-casing", _NORMALIZE),
    "hashed_spaces": Fault("hashed with white space around it", _NORMALIZE),
    "hashed_newline": Fault("hashed with its line end", _STRIP + ": strip the line end"),
    "hashed_quotes": Fault("hashed with quotes around it", _STRIP + ": read the file with a CSV parser"),
    "hashed_separator": Fault("hashed with the separator behind it", _STRIP + ": split the line first"),
    "hashed_bom": Fault("hashed with a byte order mark", "read the file as utf-8-sig"),
    "hashed_utf16": Fault("hashed as UTF-16", _RAW_TEXT),
    "hashed_bytes_repr": Fault("hashed as Python's b'…'", _RAW_TEXT + ": encode(), not str()"),
    "hashed_url_encoded": Fault("hashed in URL encoding", "decode %40 and the like before hashing"),
    "hashed_mailto": Fault("hashed with mailto:", _STRIP),
    "hashed_local_part": Fault("the hash of what stands before the @", "hash the whole address"),
    "hashed_plus": Fault("hashed with + before it", "hash the digits alone, from the country code on"),
    "hashed_zeros": Fault("hashed with zeros before it", "hash it from the country code on, without zeros"),
    "hashed_punctuation": Fault("hashed with spaces or punctuation in it", "hash the digits alone"),
    "hashed_national": Fault("hashed without the country code", "put the country code before the number"),
    "hashed_without_hyphens": Fault("hashed without its hyphens", "hash it with the four hyphens of a UUID"),
    "hashed_float": Fault("hashed as a decimal number", "read the column as text, not as numbers"),
    "empty_hash": Fault("the hash of an empty value", _SKIP + ", before hashing"),
    "header_hash": Fault("the hash of the header line", "skip the header line before hashing"),
    "placeholder_hash": Fault("the hash of a placeholder such as null", _SKIP + ", before hashing"),
    "zero_id": Fault("the id of a device that permits no tracking", _SKIP),
    "empty": Fault("nothing", _SKIP),
    "header": Fault("a header line", "skip the header line: each line counts as a person"),
    "placeholder": Fault("a placeholder such as null", _SKIP),
    "quoted": Fault("quotes around the value", "send the value without quotes"),
    "bom": Fault("a byte order mark in the value", "write files as UTF-8 without a byte order mark"),
    "invisible": Fault("an invisible character in the value", "remove no-break and zero-width spaces"),
    "not_text": Fault("no text", "send the text itself: unpack the file, or export the workbook as CSV"),
    "utf16": Fault("UTF-16", "write the file as UTF-8"),
    "bytes_repr": Fault("Python's b'…'", "decode bytes: decode(), not str()"),
    "mailto": Fault("mailto: before the address", "send the address alone"),
    "display_name": Fault("a name beside the address", "send the address alone"),
    "float": Fault("a decimal number", "read the column as text, not as numbers"),
    "wrong_column": Fault("another kind of id", "look for columns that are mixed up"),
    "several_columns": Fault("several columns", "send one column: the ids of one type"),
    "malformed": Fault("not an id of this type", "look where the values come from"),
}


class Diagnosis(NamedTuple):
    """What is wrong with a value: codes of FAULTS, from the outermost to the innermost.

    `is_exact` tells that the value was recognized as that of a known person or text. Else the diagnosis
    follows from its shape. `kind` is the kind of id that was recognized, if any.
    """

    codes: tuple[str, ...]
    is_exact: bool = False
    kind: str | None = None

    @property
    def what(self) -> str:
        described = ", ".join(FAULTS[code].what for code in self.codes)
        return described if self.kind is None else f"{described} ({NAMES[self.kind]})"

    def change(self, expected: Expected) -> str:
        """What the sender should change, the first thing first."""
        changes = []
        for code in self.codes:
            change = FAULTS[code].change
            if code == "plain" and SHA256 not in expected.forms:
                change = "hash it with an algorithm that is accepted"
            changes.append(change)
        return "; ".join(dict.fromkeys(changes))
