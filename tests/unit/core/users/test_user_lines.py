"""Files of users: what counts as a line, a user, the same user."""

import hashlib
import random
from collections.abc import Iterable

import pytest

from audience_mock.core.users import user_lines
from audience_mock.core.users.user_lines import UserLines
from helpers.users import ANN, BOB, CYD


def read(
    pieces: Iterable[bytes], user_type: str = user_lines.EMAIL_HASH
) -> tuple[user_lines.Report, list[bytes]]:
    with UserLines(user_type) as users:
        for piece in pieces:
            users.feed(piece)
        users.finish()
        digests = [part[at : at + 32] for part in users.digests.parts() for at in range(0, len(part), 32)]
        return users.report, digests


def test_users_are_kept_as_the_digests_that_the_lines_write() -> None:
    """A file of three hashes gives their three digests, sorted."""
    report, digests = read([f"{ANN}\n{BOB}\n{CYD}\n".encode()])
    assert digests == sorted(bytes.fromhex(line) for line in (ANN, BOB, CYD))
    assert (report.lines, report.valid, report.invalid) == (3, 3, 0)


@pytest.mark.parametrize(
    "file",
    [
        f"{ANN}\n{BOB}",
        f"{ANN}\r\n{BOB}\r\n",
        f"{ANN}\r{BOB}\r",
        f"{ANN}\r{BOB}\n",
        f"\ufeff{ANN}\r\r\r\n{BOB}",
        f"\ufeff{ANN}\n{BOB}\n",
        f"\n\n{ANN}\n   \n{BOB}\n\n",
        f"  {ANN}\t\n{BOB} \r\n",
        f"{ANN.upper()}\n{BOB}\n",
        f"{ANN}\n{BOB}\n{ANN}\n{BOB.upper()}\n",
    ],
    ids=[
        "no last end",
        "windows",
        "old mac",
        "mixed",
        "more mixed",
        "byte order mark",
        "blank lines",
        "trimmed",
        "upper case",
        "twice",
    ],
)
def test_the_same_two_people_in_any_spelling(file: str) -> None:
    """Line ends, blanks, case, a byte order mark and repetition make no other people."""
    report, digests = read([file.encode()])
    assert digests == sorted([bytes.fromhex(ANN), bytes.fromhex(BOB)])
    assert report.invalid == 0


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65, 66, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
def test_where_the_file_is_cut_into_pieces_makes_no_difference(size: int, end: str) -> None:
    """A file reads the same in pieces of any size."""
    file = f"\ufeff{ANN}\nnobody\n\n{BOB}\n{'x' * 5000}\n{CYD}".replace("\n", end).encode()
    report, digests = read(file[at : at + size] for at in range(0, len(file), size))
    assert digests == sorted(bytes.fromhex(line) for line in (ANN, BOB, CYD))
    assert (report.lines, report.valid, report.invalid) == (5, 3, 2)
    assert report.invalid_lines == [
        (2, "is not of type email_hash"),
        (5, "is longer than 4096 bytes"),
    ]


def test_the_first_ten_wrong_lines_are_named() -> None:
    """Of twelve wrong lines the first ten are in the report, by number."""
    report, digests = read(["\n".join(f"wrong {number}" for number in range(12)).encode()])
    assert digests == []
    assert report.invalid == 12
    assert [number for number, _ in report.invalid_lines] == list(range(1, 11))


@pytest.mark.parametrize(
    ("user_type", "right", "wrong"),
    [
        (user_lines.PHONE_HASH, ANN, ANN[:-1]),
        (user_lines.EMAIL_HASH, BOB, BOB[:-1] + "g"),
        (user_lines.ADVERTISER_ID, "AEBE52E7-03EE-455A-B3C4-E57283966239", "AEBE52E7-03EE"),
        (user_lines.FBID, "100004213", "ann"),
        (user_lines.THIRD_PARTY_ID, "shop:customer 17", "shop\x01"),
    ],
)
def test_a_line_is_checked_against_the_user_type(user_type: str, right: str, wrong: str) -> None:
    """Each kind of user has its own form, and only lines of that form are users."""
    report, digests = read([f"{right}\n{wrong}\n".encode()], user_type)
    assert (report.valid, report.invalid, len(digests)) == (1, 1, 1)


def test_ids_that_are_not_hashed_are_kept_as_their_digest() -> None:
    """An advertiser id is kept as the SHA-256 of its lower-case text, so its case makes no other person."""
    id = "aebe52e7-03ee-455a-b3c4-e57283966239"
    _, digests = read([f"{id}\n{id.upper()}\n".encode()], user_lines.ADVERTISER_ID)
    assert digests == [hashlib.sha256(id.encode()).digest()]


@pytest.mark.parametrize(
    ("user_type", "spellings"),
    [
        (
            user_lines.ADVERTISER_ID,
            ("aebe52e703ee455ab3c4e57283966239", "AEBE52E7-03EE-455A-B3C4-E57283966239"),
        ),
        (user_lines.THIRD_PARTY_ID, ("shop 17", '"shop 17"', "'Shop 17'", "\ufeffshop 17", "\xa0shop 17 ")),
    ],
)
def test_an_id_in_another_spelling_is_the_same_person(user_type: str, spellings: tuple[str, ...]) -> None:
    """Hyphens make no other advertiser id, and quotes around an opaque id no other of those."""
    report, digests = read(["\n".join(spellings).encode()], user_type)
    assert (report.valid, report.invalid, len(digests)) == (len(spellings), 0, 1)


def test_a_large_file_goes_over_a_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into memory comes out just as sorted and distinct."""
    monkeypatch.setattr("audience_mock.core.users.digests.HELD_BYTES", 1 << 12)
    monkeypatch.setattr("audience_mock.core.users.digests.FEW_BYTES", 0)
    chance = random.Random(7)
    people = [chance.randbytes(32) for _ in range(3000)]
    lines = [person.hex() for person in people + people[:500]]
    chance.shuffle(lines)
    report, digests = read(
        [("\n".join(lines) + "\n").encode()[at : at + 999] for at in range(0, 65 * 3500, 999)]
    )
    assert digests == sorted(people)
    assert report.valid == 3500
