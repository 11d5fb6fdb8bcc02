"""Other people for those in texts: a new address, hash and device id for each, where a text is handed on."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from audience_mock.core.users.magic import identities
from audience_mock.core.users.people_in_text import (
    DIGEST_BYTES,
    DIGEST_SIZES,
    ID,
    JSON_TEXT,
    MAX_DEPTH,
    PERSON,
    from_base64,
    normal_address,
    people_in,
    unescaped,
)

_HASHES = ("md5", "sha1", "sha256", "sha512")


class OtherPeople:
    """What stands for people: the same wherever they are, and in whatever form."""

    def __init__(self, texts: Iterable[tuple[bool, str]], no_people: Iterable[str], salt: bytes) -> None:
        """`texts` are all in which people may be, the oldest first, and whether a server wrote each: what
        looks like a hash, and was written by a server first, is of no person, as `no_people` are."""
        self._salt = salt
        self._digests: dict[bytes, bytes] = {}
        """By what a world knows a person by, that of the other one."""
        self._hashes: dict[str, str] = {}
        """By hash or device id, in lower case: those that follow from another form of the same person."""
        self._no_people = {*no_people}
        seen: set[str] = set()
        for is_answer, text in texts:
            for kind, found in people_in(text):
                if kind == "address":
                    self._join(normal_address(found), self.address(found))
                elif kind in ("hash", "device", "base64"):
                    if is_answer and found not in seen:
                        self._no_people.add(found)
                    seen.add(found)
                    if kind == "device":
                        self._join(found.lower(), self.device(found.lower()))
        for found in sorted(seen):
            if len(found) in (32, 40) and found.lower() not in self._hashes and self._is_hash(found):
                # Whose plain form was never sent is known by the hash of the hash's text.
                self._digests[_sha256(found.lower())] = _sha256(self.hash(found).lower())

    @staticmethod
    def _is_hash(text: str) -> bool:
        return re.fullmatch(r"[0-9A-Fa-f]+", text) is not None

    @cached_property
    def _kept(self) -> frozenset[str]:
        """Magic identities, in each form: what they do depends on them, and they are no real people."""
        return frozenset(
            form
            for identity in identities().values()
            for forms in identity.forms().values()
            for form in forms.values()
        )

    def _join(self, old: str, new: str) -> None:
        """Let each hash of one value become that of the other."""
        for name in _HASHES:
            hashed, other = _hex(name, old), _hex(name, new)
            self._hashes[hashed] = other
            if name in ("md5", "sha1"):
                self._digests[_sha256(hashed)] = _sha256(other)
        self._digests[_sha256(old)] = _sha256(new)

    def add_hash(self, old: str, new: str) -> None:
        """Let a hash of something else be another one in headers, from now on."""
        self._hashes.setdefault(old, new)

    def _mac(self, value: bytes, length: int = DIGEST_BYTES) -> bytes:
        made, count = b"", 0
        while len(made) < length:
            made += hmac.digest(self._salt, value + bytes(count), "sha256")
            count += 1
        return made[:length]

    def address(self, address: str) -> str:
        normal = normal_address(address)
        if normal in self._kept:
            return address
        return f"p{self._mac(normal.encode(errors='surrogateescape')).hex()[:16]}@example.invalid"

    def device(self, device: str) -> str:
        lower = device.lower()
        if device in self._no_people or lower in self._kept:
            return device
        made = self._mac(lower.encode()).hex()
        new = f"{made[:8]}-{made[8:12]}-{made[12:16]}-{made[16:20]}-{made[20:32]}"
        return new.upper() if device == device.upper() else new

    def hash(self, digits: str) -> str:
        lower = digits.lower()
        if digits in self._no_people or lower in self._kept:
            return digits
        new = self._hashes.get(lower)
        if new is None and len(digits) == 2 * DIGEST_BYTES:
            new = self.digest(bytes.fromhex(digits)).hex()
        elif new is None:
            new = self._mac(lower.encode(), len(digits)).hex()[: len(digits)]
        return new.upper() if digits == digits.upper() else new

    def digest(self, digest: bytes) -> bytes:
        if digest.hex() in self._kept:
            return digest
        return self._digests.get(digest) or self._mac(digest)

    def base64(self, text: str, in_text: Callable[[str], str]) -> str:
        """A text in base64, or a digest: what is in it is replaced, in the same alphabet and padding."""
        if text in self._no_people:
            return text
        decoded = from_base64(text)
        if decoded is None:
            return text
        if len(decoded) in DIGEST_SIZES:
            new = bytes.fromhex(self.hash(decoded.hex()))
        else:
            new = in_text(decoded.decode()).encode()
        if new == decoded:
            return text
        encoded = base64.b64encode(new).decode()
        if "-" in text or "_" in text:
            encoded = encoded.translate(_URL_SAFE)
        return encoded if text.endswith("=") else encoded.rstrip("=")

    def in_text(self, text: str, *, hashes: bool = True, depth: int = 0) -> str:
        """The text with other people. A text of JSON in it is read, changed, and written again."""
        if "\\" not in text or depth == MAX_DEPTH:
            return self._in_plain(text, hashes)
        return "".join(
            self._in_json_text(part, hashes, depth) if number % 2 else self._in_plain(part, hashes)
            for number, part in enumerate(JSON_TEXT.split(text))
        )

    def _in_json_text(self, written: str, hashes: bool, depth: int) -> str:
        if "\\" not in written:
            return self._in_plain(written, hashes)
        try:
            value = json.loads(written, strict=False)
        except ValueError:
            return self._in_plain(written, hashes)
        new = self.in_text(value, hashes=hashes, depth=depth + 1)
        return written if new == value else json.dumps(new, ensure_ascii=written.isascii())

    def _in_plain(self, text: str, hashes: bool) -> str:
        def other(found: re.Match[str]) -> str:
            kind, value = found.lastgroup, found[0]
            if found["address"] is not None:
                new = self.address(unescaped(value))
                return value if new == unescaped(value) else new.replace("@", found["at"])
            if not hashes:
                return value
            if kind != "base64":
                return self._id(found)
            if from_base64(value) is None:
                return ID.sub(self._id, value)
            return self.base64(value, lambda inner: self._in_plain(inner, hashes))

        return PERSON.sub(other, text)

    def _id(self, found: re.Match[str]) -> str:
        return self.device(found[0]) if found.lastgroup == "device" else self.hash(found[0])

    def in_header(self, value: str) -> str:
        """A header may have anything: addresses, and hashes of people that are known otherwise."""

        def known(found: re.Match[str]) -> str:
            return self._hashes.get(found[0].lower(), found[0])

        scheme, space, credentials = value.partition(" ")
        if space and scheme.lower() == "basic":
            return f"{scheme} {self.base64(credentials, lambda text: self.in_text(text, hashes=False))}"
        return re.sub(r"[0-9A-Fa-f]{32,}", known, self.in_text(value, hashes=False))

    def in_value(self, value: Any, *, hashes: bool = True) -> Any:
        if isinstance(value, str):
            return self.in_text(value, hashes=hashes)
        if isinstance(value, dict):
            return {
                self.in_text(name, hashes=hashes): self.in_value(each, hashes=hashes)
                for name, each in value.items()
            }
        return [self.in_value(each, hashes=hashes) for each in value] if isinstance(value, list) else value


_URL_SAFE = str.maketrans("+/", "-_")


def _hex(name: str, text: str) -> str:
    return hashlib.new(name, text.encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogateescape")).digest()
