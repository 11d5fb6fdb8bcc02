"""The reference contains what the code has: settings, commands, operations, control endpoints."""

import json
import re
from pathlib import Path
from typing import Any

import click
import client_types
import pytest
import reference
import reference_proofs
import samples
import typescript_types
from reference import COMMANDS, command

from audience_mock.settings import ENVIRONMENT_PREFIX, Settings
from audience_mock.testing import MockServer

TOP = samples.TOP


def page(name: str) -> str:
    return (TOP / "docs" / name).read_text()


def described(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TOP / f"openapi/{name}.json").read_text())
    return found


def endpoints(description: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Operation id, method and path of each operation."""
    return [
        (operation["operationId"], method.upper(), path)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]


def test_generated_parts_are_current() -> None:
    """The generated parts of the pages are what the code generates now; `make docs-reference` writes them."""
    differences = reference.outdated()
    assert not differences, "\n".join(differences.values())


def test_the_clients_types_are_current() -> None:
    """The types of the Python and the TypeScript client are those of the settings and the control API;
    `make openapi` writes them."""
    assert client_types.FILE.read_text() == client_types.text()
    assert typescript_types.FILE.read_text() == typescript_types.text()


def test_an_outdated_part_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page whose generated part differs is reported, and written again."""
    (tmp_path / "settings.md").write_text("before\n<!-- generated: settings -->\nold\n<!-- end -->\nafter\n")
    monkeypatch.setattr(reference, "PAGES", tmp_path)
    monkeypatch.setattr(reference, "TOP", tmp_path)
    assert list(reference.outdated()) == [tmp_path / "settings.md"]
    reference.main()
    assert not reference.outdated()
    text = (tmp_path / "settings.md").read_text()
    assert text.startswith("before\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "--build-delay-s" in text


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_is_in_the_table(name: str) -> None:
    """The settings page has each setting's flag, variable and default."""
    default = Settings.model_fields[name].default
    value = ",".join(default) if isinstance(default, tuple) else default
    shown = (
        f"`{str(value).lower() if isinstance(value, bool) else value}`" if value not in (None, "") else "none"
    )
    flag = f"--{name.replace('_', '-')}"
    flags = f"`{flag}`, `--no-{flag[2:]}`" if isinstance(default, bool) else f"`{flag}`"
    row = f"| {flags} | `{ENVIRONMENT_PREFIX}{name.upper()}` | {shown} |"
    assert row in page("reference/settings.md")


def test_the_settings_of_the_readme() -> None:
    """The README shows ten settings with their defaults."""
    rows = re.findall(
        r"^\| `--([\w-]+)` \| (?:`([^`]+)`|none) \| .+ \|$", samples.README.read_text(), flags=re.MULTILINE
    )
    assert len(rows) == 10
    for flag, default in rows:
        assert str(Settings.model_fields[flag.replace("-", "_")].default or "") == default, flag


@pytest.mark.parametrize("provider", ["pinterest", "pitchtarget"])
def test_each_operation_is_in_the_table_with_its_proof(provider: str, start: Any) -> None:
    """Each operation that is served is in its provider's table, and the test that the table names exists."""
    served = endpoints(_served(start(), provider))
    text = page(f"reference/{provider}.md")
    rows = re.findall(
        r"^\| `([\w/]+)` \| `(\w+) (\S+)` \| .+ \| \[(\w+)\]\(../../([\w/.]+)\) \|$", text, flags=re.MULTILINE
    )
    assert sorted(served) == sorted((operation, method, path) for operation, method, path, _, _ in rows)
    for _, _, _, test, file in rows:
        assert f"def {test}(" in (TOP / file).read_text(), test


def _served(server: MockServer, name: str) -> dict[str, Any]:
    import httpx

    found: dict[str, Any] = httpx.get(f"{server.url}/openapi/{name}.json").json()
    return found


def test_each_operation_has_one_proof() -> None:
    """No proof is left over from an operation that is gone, and none is given twice."""
    proved = [operation for tests in reference_proofs.PROOFS.values() for operation in tests]
    served = [
        operation for name in ("pinterest", "pitchtarget") for operation, _, _ in endpoints(described(name))
    ]
    assert sorted(proved) == sorted(served)


def test_the_figures_of_the_readme() -> None:
    """The README counts the operations of both providers right."""
    text = samples.README.read_text()
    for title, name in (("Pinterest v5", "pinterest"), ("PitchTarget", "pitchtarget")):
        assert f"**{title}**, {len(endpoints(described(name)))} operations" in text


def test_each_control_endpoint_is_described() -> None:
    """The control API's page has a section for each endpoint, with all of its parameters."""
    text = page("reference/control-api.md")
    for _, method, path in endpoints(described("control")):
        assert f"\n### {method} {path}\n" in text
    assert "GET /__admin/health" in text


def test_each_command_is_described() -> None:
    """The command's page has a section and a row for each command, and every flag of it."""
    text = page("reference/command.md")
    for name, one in COMMANDS.items():
        assert f"\n{'#' * (2 + name.count(' '))} {name}\n" in text
        assert f"| `{name.partition(' ')[0]}` |" in text
        with click.Context(command, **command.context_settings) as above:
            for parameter in one.get_params(
                one.make_context(name, ["x"], parent=above, resilient_parsing=True)
            ):
                assert all(flag in text for flag in parameter.opts if flag.startswith("--"))


def test_each_key_of_a_seed_is_described() -> None:
    """The seed schema's page has each key of each object."""
    schema = json.loads((TOP / "fixtures/world.schema.json").read_text())
    text = page("reference/seed-schema.md")
    for each in (schema, *schema["$defs"].values()):
        for key in each.get("properties", ()):
            assert f"| `{key}` |" in text


def test_the_architecture_names_every_folder() -> None:
    """Each path in the table of the architecture exists, and each module and package is in it."""
    rows = re.findall(r"^\| `([\w./]+)` \|", page("design/architecture.md"), flags=re.MULTILINE)
    assert [row for row in rows if not (TOP / row).exists()] == []
    package = TOP / "app/audience_mock"
    parts = [*package.iterdir(), *(package / "core").iterdir(), *(package / "providers").iterdir()]
    for part in parts:
        if part.name.startswith("__") or not (part.suffix == ".py" or (part / "__init__.py").exists()):
            continue
        if part.name in ("core", "providers") or (part.parent.name in ("core", "providers") and part.suffix):
            continue
        assert f"{part.relative_to(TOP)}{'/' if part.is_dir() else ''}" in rows


def test_records_have_one_form() -> None:
    """Each decision record is numbered without a gap and has context, decision and consequences."""
    records = sorted((TOP / "docs/design/decisions").glob("[0-9]*.md"))
    for number, record in enumerate(records, start=1):
        text = record.read_text()
        assert record.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number:04}. ")
        assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_readme_is_short() -> None:
    """The README has at most 200 lines."""
    assert len(samples.README.read_text().splitlines()) <= 200


def test_quoted_messages_exist() -> None:
    """Each message that the troubleshooting page quotes is one that the server or the command writes."""
    quoted = re.findall(r"^\*\*[^*`]*`([^`]+)`", page("guides/troubleshooting.md"), flags=re.MULTILINE)
    source = "".join(file.read_text() for file in sorted((TOP / "app").rglob("*.py")))
    source = re.sub(r'"\s*f?"', "", source)
    pieces = [piece.strip() for text in quoted for piece in text.split("…") if piece.strip()]
    assert len(pieces) >= 5
    assert [piece for piece in pieces if piece not in source and not piece.startswith("/")] == []
