"""What tests and the configuration of pytest say of the world of a test."""

import json
from pathlib import Path
from typing import Any

import pytest

MARKER = "audience_mock"
ARGUMENTS = ("seed", "settings", "frozen", "conduct", "unused_faults", "patch_hosts")


def marker_arguments(node: pytest.Item) -> dict[str, Any]:
    """The arguments of all markers of a test; the closest marker wins. Raises UsageError for others."""
    arguments: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers(MARKER))):
        if unknown := [*map(repr, marker.args), *sorted(marker.kwargs.keys() - ARGUMENTS)]:
            raise pytest.UsageError(
                f"@pytest.mark.{MARKER} takes the keyword arguments {', '.join(ARGUMENTS)},"
                f" not {', '.join(unknown)}"
            )
        arguments |= marker.kwargs
    return arguments


def configured_seed(config: pytest.Config) -> str | None:
    seed: str = config.getini("audience_mock_seed")
    return str(path_of_seed(config, seed)) if seed else None


def path_of_seed(config: pytest.Config, seed: str | Path) -> Path:
    """A path relative to pytest's root directory; `demo` is included in the package."""
    if seed == "demo":
        from audience_mock.opening import seed_file

        return seed_file("demo")
    return config.rootpath / seed


def configured_settings(config: pytest.Config) -> dict[str, Any]:
    settings = {}
    for line in config.getini("audience_mock_settings"):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise pytest.UsageError(f"audience_mock_settings: must be NAME = VALUE (given: {line!r})")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    if level := config.getoption("--audience-mock-evidence"):
        settings["strict_evidence"] = level
    return settings


def fails_test(unused_faults: object) -> bool:
    """Whether unused faults fail a test. Raises UsageError for a value that does not say."""
    if unused_faults not in ("error", "ignore"):
        raise pytest.UsageError(
            f"audience_mock_unused_faults: must be one of 'error', 'ignore' (given: {unused_faults!r})"
        )
    return unused_faults == "error"
