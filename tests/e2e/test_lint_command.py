"""`audience-mock lint`: files of users, without a server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audience_mock.cli import lint as command
from audience_mock.cli.main import main
from audience_mock.core.users.lint.expected import FORMS, KINDS
from helpers.users import hashed

TOP = Path(__file__).parents[2]


def run(*arguments: str | Path, sent: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["lint", *map(str, arguments)], input=sent)


def test_a_right_file_is_ok() -> None:
    """The sample file of addresses has no finding, and the exit status is 0."""
    file = TOP / "fixtures" / "uploads" / "emails.csv"
    ran = run(file)
    assert (ran.exit_code, ran.output) == (0, f"{file}: OK, 150 values (e-mail address, SHA-256)\n")


def test_findings_fail(tmp_path: Path) -> None:
    """Each finding says what the values are, what to change, and where; the exit status is 1."""
    file = tmp_path / "u.csv"
    lines = hashed("anna@example.com", "Anna@Example.com", "Ben@Example.com")
    file.write_text("\n".join(lines))
    ran = run(file)
    assert ran.exit_code == 1
    assert ran.output.splitlines() == [
        f"{file}: 3 values, expected: e-mail address, SHA-256",
        "  2 values: hashed without lower-casing (2 recognized)",
        "      change: trim and lower-case the value before hashing it",
        f"      lines 2 ({lines[1][:4]}…{lines[1][-4:]}), 3 ({lines[2][:4]}…{lines[2][-4:]})",
    ]


def test_json_of_several_files(tmp_path: Path) -> None:
    """With --json, each file has its findings; standard input is a file, too."""
    (tmp_path / "a").write_text(hashed("x")[0])
    ran = run("--json", "--type", "phone", tmp_path / "a", "-", sent=b"+12025550100")
    first, second = json.loads(ran.output)["files"]
    assert ran.exit_code == 1
    assert (first["values"], first["findings"]) == (1, [])
    assert (second["file"], second["type"], second["accepted"]) == ("-", "phone", ["sha256"])
    assert second["findings"][0]["codes"] == ["plain"]


def test_own_people_are_recognized(tmp_path: Path) -> None:
    """People in --people are recognized in any spelling; without it, their hashes look like any other."""
    (tmp_path / "people.csv").write_text("name,email,phone\nEve,eve@fixtures.example,+49 30 123456\n")
    (tmp_path / "u").write_text("\n".join(hashed("Eve@Fixtures.Example", "eve@fixtures.example\n")))
    assert run(tmp_path / "u").exit_code == 0
    ran = run("--json", "--people", tmp_path / "people.csv", tmp_path / "u")
    (report,) = json.loads(ran.output)["files"]
    assert [finding["codes"] for finding in report["findings"]] == [["hashed_upper_case"], ["hashed_newline"]]


def test_what_is_accepted_can_be_said() -> None:
    """--accept names the forms that are right."""
    assert run("--accept", "plain,MD5,sha-1,sha256", "-", sent=b"eve@example.org").exit_code == 0
    assert run("--accept", "plain", "-", sent=hashed("x")[0].encode()).exit_code == 1
    wrong = run("--accept", "sha3", "-")
    assert (wrong.exit_code, "must be some of plain, md5" in wrong.output) == (2, True)
    assert "(given: 'sha3')" in wrong.output
    assert run("--type", "EMAIL", "-", sent=b"").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.csv"], "audience-mock: nowhere.csv: No such file or directory\n"),
        (
            ["--column", "phone", "-"],
            "audience-mock: -: no column 'phone': the first line has a, b (--column)\n",
        ),
    ],
)
def test_errors_are_one_line(arguments: list[str], message: str) -> None:
    """What cannot be linted is said in one line, with the exit status 2."""
    ran = run(*arguments, sent=b"a,b\n1,2\n")
    assert (ran.exit_code, ran.stderr) == (2, message)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("email\nm\xfcller@example.org\n".encode("latin-1"), "not UTF-8"),
        (b'email\n"' + b"x" * 200_000 + b'"\n', "not CSV: field larger than field limit (131072)"),
    ],
)
def test_a_file_of_people_that_cannot_be_read(tmp_path: Path, content: bytes, reason: str) -> None:
    """--people names the file and what is wrong with it."""
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    ran = run("--people", file, "-")
    assert (ran.exit_code, ran.stderr) == (2, f"audience-mock: {file}: {reason}\n")


@pytest.mark.parametrize("flags", [(), ("--json",), ("--column", "phone")])
def test_no_file_controls_the_terminal(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """What the name of a file or its first line has for a terminal is escaped, in JSON and errors, too."""
    file = tmp_path / "a\x9b31m\u202eb\x1b[31m.csv"
    file.write_bytes("a\x1b]0;x\x07\x9b31m,email\nx,anna@example.com\n".encode())
    ran = CliRunner().invoke(main, ["lint", *flags, str(file)], color=True)
    shown = ran.stdout + ran.stderr
    assert ran.exit_code in (1, 2)
    assert all(each.isprintable() for each in shown.splitlines())
    if flags == ("--json",):
        assert json.loads(shown)["files"][0]["file"] == str(file)


def test_the_command_offers_what_the_linter_knows() -> None:
    """The choices of the command, which imports nothing for its help, are those of the linter."""
    assert (command.TYPES, command.FORMS) == (KINDS, FORMS)
