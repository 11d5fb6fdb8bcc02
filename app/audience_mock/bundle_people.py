"""Replaces the people of a bundle, so that it can be handed on."""

import base64
import hmac
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,255}\.[A-Za-z]{2,}")
_HASH = re.compile(r"\b(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})\b")
_DIGEST_BYTES = 32


def resalt(bundle: Mapping[str, Any], salt: bytes) -> dict[str, Any]:
    """The bundle with other people: each address and each hash in it, in requests, answers and users that the
    world held at first, becomes another one, the same wherever it is."""
    addresses: dict[bytes, bytes] = {}
    for text in _texts([_with_people(step) for step in bundle["steps"]]):
        for found in _ADDRESS.findall(text):
            normal = found.strip().lower()
            addresses[sha256(normal.encode()).digest()] = sha256(_address(normal, salt).encode()).digest()
    return {
        **bundle,
        "start": _resalted_state(bundle["start"], addresses, salt),
        "steps": [
            {**step, **_in_texts(_with_people(step), addresses, salt)}
            if "change" in step
            else {
                **step,
                **{
                    name: {**step[name], **_in_texts(part, addresses, salt)}
                    for name, part in _with_people(step).items()
                },
            }
            for step in bundle["steps"]
        ],
    }


def _with_people(step: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a step that may have people in them: not its headers, where a hash is something else."""
    if "change" in step:
        return {"change": step["change"]}
    return {
        "request": {name: step["request"][name] for name in ("path", "body")},
        "answer": {"body": step["answer"]["body"]},
    }


def _address(address: str, salt: bytes) -> str:
    return f"p{hmac.new(salt, address.lower().encode(), sha256).hexdigest()[:16]}@example.invalid"


def _digest(digest: bytes, addresses: Mapping[bytes, bytes], salt: bytes) -> bytes:
    """What stands for a digest: that of the new address, where the address is known."""
    return addresses.get(digest) or hmac.new(salt, digest, sha256).digest()


def _in_text(text: str, addresses: Mapping[bytes, bytes], salt: bytes) -> str:
    def hashed(found: re.Match[str]) -> str:
        raw = bytes.fromhex(found[0])
        return _digest(raw, addresses, salt)[: len(raw)].hex()

    return _ADDRESS.sub(lambda found: _address(found[0], salt), _HASH.sub(hashed, text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _in_texts(value: Any, addresses: Mapping[bytes, bytes], salt: bytes) -> Any:
    if isinstance(value, str):
        return _in_text(value, addresses, salt)
    if isinstance(value, dict):
        if value.keys() == {"base64"}:
            raw = base64.b64decode(value["base64"]).decode("latin-1")
            changed = _in_text(raw, addresses, salt).encode("latin-1")
            return {"base64": base64.b64encode(changed).decode()}
        return {name: _in_texts(each, addresses, salt) for name, each in value.items()}
    return [_in_texts(each, addresses, salt) for each in value] if isinstance(value, list) else value


def _resalted_state(
    state: Mapping[str, Any], addresses: Mapping[bytes, bytes], salt: bytes
) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for section, rows in state.items():
        if section == "people":
            changed[section] = [_digest(bytes.fromhex(row), addresses, salt).hex() for row in rows]
        elif section in ("audiences", "customer_lists"):
            changed[section] = [_resalted_row(row, addresses, salt) for row in rows]
        else:
            changed[section] = rows
    return changed


def _resalted_row(row: Mapping[str, Any], addresses: Mapping[bytes, bytes], salt: bytes) -> dict[str, Any]:
    changed = dict(row)
    for name, width in (("users", 1), ("links", 2)):
        if name not in row:
            continue
        raw = b"".join(map(base64.b64decode, row[name]))
        new = [
            _digest(raw[at : at + _DIGEST_BYTES], addresses, salt) for at in range(0, len(raw), _DIGEST_BYTES)
        ]
        entries = sorted({b"".join(new[at : at + width]) for at in range(0, len(new), width)})
        with suppress(IndexError):
            changed[name] = [base64.b64encode(b"".join(entries)).decode()]
    return changed
