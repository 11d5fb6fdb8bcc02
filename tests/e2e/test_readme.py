"""What the README says is so."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import readme_samples

from audience_mock.app import create_app
from audience_mock.settings import ENVIRONMENT_PREFIX, Settings
from audience_mock.testing import MockServer

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_each_sample_does_what_it_shows(start: Callable[..., MockServer]) -> None:
    """Every sample of the README runs and prints what stands behind it."""
    assert readme_samples.run(start().url) >= 6


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_is_in_the_table(name: str) -> None:
    """The README names each setting's flag, variable and default."""
    default = Settings.model_fields[name].default
    value = ",".join(default) if isinstance(default, tuple) else default
    shown = "none" if default is None else f"`{'true' if value is True else value}`"
    flag = f"--{name.replace('_', '-')}"
    flags = f"`{flag}`, `--no-{flag[2:]}`" if isinstance(default, bool) else f"`{flag}`"
    row = f"| {flags} | `{ENVIRONMENT_PREFIX}{name.upper()}` | {shown} |"
    assert row in README


def test_each_operation_is_in_the_table_with_its_proof() -> None:
    """The README names each operation that is served, and the test that it names for it exists."""
    app = create_app(Settings())
    served = {
        operation["operationId"]
        for provider in app.providers.values()
        for operations in provider.openapi()["paths"].values()
        for operation in operations.values()
    }
    app.world.close()
    rows = re.findall(r"^\| `([\w/]+)` \| .* \| \[(\w+)\]\(([\w/.]+)\) \|$", README, flags=re.MULTILINE)
    assert served == {operation for operation, _, _ in rows}
    for _, test, file in rows:
        assert f"def {test}(" in (ROOT / file).read_text(), test


def test_each_link_leads_somewhere() -> None:
    """Every file and every heading that the README links to is there."""
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", README, flags=re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target.removeprefix("#") in headings if target.startswith("#") else (ROOT / target).exists(), (
            target
        )
