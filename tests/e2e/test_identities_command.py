"""`audience-mock identities`."""

import json

import pytest
from click.testing import CliRunner

from audience_mock.cli.main import main
from audience_mock.core.users.magic import identities


def run(*arguments: str) -> tuple[int, str]:
    ran = CliRunner().invoke(main, ["identities", *arguments])
    return ran.exit_code, ran.output


def test_all_are_listed() -> None:
    """A line for each, with its address and its effect."""
    status, output = run()
    assert status == 0
    lines = output.splitlines()
    assert [line.split("@")[0] for line in lines] == [*identities()]
    assert all(identity.effect in line for identity, line in zip(identities().values(), lines, strict=True))


def test_a_form_is_a_file_to_upload() -> None:
    """The digests alone, of those that are named, in that order."""
    status, output = run("--form", "sha256", "too-small", "never-match")
    assert status == 0
    assert output.split() == [
        identities()[name].forms()["email"]["sha256"] for name in ("too-small", "never-match")
    ]


def test_json_has_all_forms() -> None:
    """As the control API has them."""
    status, output = run("--json", "invalid")
    assert status == 0
    (found,) = json.loads(output)["identities"]
    identity = identities()["invalid"]
    assert found == {"name": "invalid", "effect": identity.effect, **identity.forms()}


@pytest.mark.parametrize("given", ["too-small@audience-mock.example", "Too-Small", "too-small "])
def test_an_address_names_an_identity(given: str) -> None:
    """What the list shows can be pasted, and case does not matter, as it does not in an upload."""
    assert run("--form", "SHA256", given) == run("--form", "sha256", "too-small")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("never_match", "no magic identity is named 'never_match', did you mean 'never-match'?"),
        ("never-match@example.com", "did you mean 'never-match'?"),
        ("x", "no magic identity is named 'x': the names are always-match, never-match, "),
    ],
)
def test_an_unknown_name(given: str, said: str) -> None:
    """It is a usage error that suggests a name, or lists them."""
    status, output = run(given)
    assert status == 2
    assert said in output
