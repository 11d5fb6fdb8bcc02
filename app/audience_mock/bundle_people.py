"""Replaces the people of a bundle, so that it can be handed on.

Each address, hash and device id becomes another one, the same wherever it is and in whatever form: the MD5 of
an address becomes that of its new address. What a server made itself (ids, bookmarks) is known by an answer
that had it first, and stays.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from audience_mock.core.users.other_people import OtherPeople
from audience_mock.core.users.people_in_text import DIGEST_BYTES
from audience_mock.web.bundling import with_length_of

BINARY = "its body is no text, so that the people in it cannot be replaced"

_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def resalt(bundle: Mapping[str, Any], salt: bytes) -> dict[str, Any]:
    """The bundle with other people: those in requests, answers and changes, and those that the world held at
    first. A request whose body is no text is left out of it, and cannot be replayed."""
    others = OtherPeople(_texts_of(bundle), _no_people(bundle), salt)
    return {
        **bundle,
        "start": _resalted_state(bundle["start"], others),
        "steps": [_resalted_step(step, others) for step in bundle["steps"]],
    }


def _resalted_step(step: Mapping[str, Any], others: OtherPeople) -> dict[str, Any]:
    if "change" in step:
        change = step["change"]
        body, path = change["body"], others.in_text(change["path"])
        is_state = path.partition("?")[0] == "/seed" and isinstance(body, dict)
        new = _resalted_state(body, others, hashes=True) if is_state else others.in_value(body)
        return {**step, "change": {**change, "path": path, "body": new}}
    request, answer = step["request"], step["answer"]
    changed = {**step}
    if _is_binary(request["body"]):
        request = {**request, "body": ""}
        changed["not_replayable"] = step["not_replayable"] or BINARY
    for name, part in (("request", request), ("answer", answer)):
        body = _in_body(part["body"], others)
        old, new = (_text_of(one).encode(errors="surrogateescape") for one in (part["body"], body))
        if old:
            # The ETag of an answer, or of a part of an upload.
            others.add_hash(_md5(old), _md5(new))
        headers = [[header, others.in_header(value)] for header, value in part["headers"]]
        longer_by = len(new) - len(old)
        changed[name] = {**part, "headers": with_length_of(headers, longer_by=longer_by), "body": body}
    changed["request"]["path"] = others.in_text(request["path"])
    return changed


def _is_binary(body: Any) -> bool:
    return isinstance(body, dict) and _BINARY.search(base64.b64decode(body["base64"])) is not None


def _in_body(body: Any, others: OtherPeople) -> Any:
    if isinstance(body, dict):
        changed = others.in_text(_text_of(body)).encode(errors="surrogateescape")
        return {"base64": base64.b64encode(changed).decode()}
    return body if body is None else others.in_text(body)


def _md5(raw: bytes) -> str:
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


def _text_of(body: Any) -> str:
    if isinstance(body, dict):
        return _decoded_text(body["base64"])
    return body or ""


def _decoded_text(*blocks: str) -> str:
    return b"".join(map(base64.b64decode, blocks)).decode(errors="surrogateescape")


def _resalted_state(state: Mapping[str, Any], others: OtherPeople, *, hashes: bool = False) -> dict[str, Any]:
    """A state or a seed. Its digests of tokens are no people; where a seed has `hashes` of them, they are."""
    changed: dict[str, Any] = {}
    for section, rows in state.items():
        if section in ("audiences", "customer_lists", "customer_list_uploads") and isinstance(rows, list):
            changed[section] = [_resalted_row(row, others) for row in rows]
        else:
            is_person = section == "people" or (hashes and section not in ("tokens", "apps"))
            changed[section] = others.in_value(rows, hashes=is_person)
    return changed


def _resalted_row(row: Any, others: OtherPeople) -> Any:
    if not isinstance(row, dict):
        return row
    changed: dict[str, Any] = {}
    for name, value in row.items():
        if name in ("users", "links") and isinstance(value, list):
            changed[name] = _resalted_digests(value, others, width=1 if name == "users" else 2)
        elif name == "parts" and isinstance(value, list):
            changed[name] = [_resalted_part(part, others) for part in value]
        else:
            changed[name] = others.in_value(value)
    return changed


def _resalted_digests(blocks: list[str], others: OtherPeople, *, width: int) -> list[str]:
    raw = b"".join(map(base64.b64decode, blocks))
    new = [others.digest(raw[at : at + DIGEST_BYTES]) for at in range(0, len(raw), DIGEST_BYTES)]
    entries = sorted({b"".join(new[at : at + width]) for at in range(0, len(new), width)})
    return [base64.b64encode(b"".join(entries)).decode()] if entries else []


def _resalted_part(part: Mapping[str, Any], others: OtherPeople) -> dict[str, Any]:
    text = others.in_text(_decoded_text(*part["content"]))
    return {**part, "content": [base64.b64encode(text.encode(errors="surrogateescape")).decode()]}


def _texts_of(bundle: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """Each text that may have people in it, in the order of time, and whether it is of an answer."""
    for text in chain.from_iterable(
        _texts(rows) for name, rows in bundle["start"].items() if name == "people"
    ):
        yield False, text
    for row in bundle["start"].get("customer_list_uploads", ()):
        for part in row.get("parts", ()):
            yield False, _decoded_text(*part["content"])
    for step in bundle["steps"]:
        if "change" in step:
            for text in _texts(step["change"]):
                yield False, text
            continue
        yield False, step["request"]["path"]
        yield from ((False, value) for _, value in step["request"]["headers"] if "@" in value)
        yield False, _text_of(step["request"]["body"])
        yield True, _text_of(step["answer"]["body"])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from chain(value, *map(_texts, value.values()))
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _no_people(bundle: Mapping[str, Any]) -> Iterator[str]:
    """What looks like hashes in content types: clients make boundaries of hex digits."""
    for step in bundle["steps"]:
        for header, value in step.get("request", {}).get("headers", ()):
            if header == "content-type":
                yield from re.findall(r"[0-9A-Za-z+/_-]{11,}", value)
