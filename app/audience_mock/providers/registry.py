"""The emulated APIs: each package beside this module is one, and so is each that another distribution names
in the entry-point group `audience_mock.providers`. Nothing else names them.

A package has three modules: `api.py` with `API`, what the core has to know; `settings.py` with `SETTINGS`,
the model of its settings, `GROUP`, their heading, and `options()`, what handlers see of them; `provider.py`
with `provider()`, the `Provider` that its application is made of. It may have a fourth, `conduct.py` with
`CONDUCT`, what the conduct report has to know.
"""

import warnings
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from audience_mock import providers as package
from audience_mock.core.apis import register

if TYPE_CHECKING:
    from audience_mock.web.conduct.facts import Conduct
    from audience_mock.web.provider_app import Provider


GROUP = "audience_mock.providers"
"""Entry points of this group map a provider's name to its package."""


@cache
def packages() -> Mapping[str, str]:
    """The package of each provider by its name: the included ones, then the installed ones, each sorted."""
    included = {
        found.name: f"{package.__name__}.{found.name}"
        for found in iter_modules(package.__path__)
        if found.ispkg
    }
    installed = {}
    for entry in entry_points(group=GROUP):
        if entry.name in included:
            of = entry.dist.name if entry.dist else entry.value
            warnings.warn(f"{of} has a provider named {entry.name}, which is included: ignored", stacklevel=2)
        else:
            installed[entry.name] = entry.value
    return dict(sorted(included.items())) | dict(sorted(installed.items()))


def register_apis() -> None:
    """Register all APIs with the core."""
    for name in packages():
        register(_module(name, "api").API)


def settings_models() -> tuple[type[BaseModel], ...]:
    """The providers' models of their settings."""
    return tuple(_module(name, "settings").SETTINGS for name in packages())


def setting_groups() -> tuple[str, ...]:
    """The headings of the providers' settings."""
    return tuple(_module(name, "settings").GROUP for name in packages())


def options(settings: BaseModel) -> dict[str, Any]:
    """What the providers' handlers see of the settings of a server or a world, by provider."""
    return {name: _module(name, "settings").options(settings) for name in packages()}


def providers() -> "list[Provider]":
    """The providers, each made anew."""
    return [_module(name, "provider").provider() for name in packages()]


def conducts() -> "dict[str, Conduct]":
    """What the conduct report has to know of the providers, of those that say it; imported when it is asked
    for."""
    return {
        name: _module(name, "conduct").CONDUCT
        for name, package in packages().items()
        if find_spec(f"{package}.conduct") is not None
    }


def _module(name: str, module: str) -> Any:
    return import_module(f"{packages()[name]}.{module}")
