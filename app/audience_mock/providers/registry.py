"""The emulated APIs: each package beside this module is one, and nothing else names them.

A package has three modules: `api.py` with `API`, what the core has to know; `settings.py` with `SETTINGS`,
the model of its settings, `GROUP`, their heading, and `options()`, what handlers see of them; `provider.py`
with `provider()`, the `Provider` that its application is made of.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from audience_mock import providers as package
from audience_mock.core.apis import register

if TYPE_CHECKING:
    from audience_mock.web.provider_app import Provider


@cache
def names() -> tuple[str, ...]:
    """The names of all providers, sorted."""
    return tuple(sorted(found.name for found in iter_modules(package.__path__) if found.ispkg))


def register_apis() -> None:
    """Register all APIs with the core."""
    for name in names():
        register(_module(name, "api").API)


def settings_models() -> tuple[type[BaseModel], ...]:
    """The providers' models of their settings."""
    return tuple(_module(name, "settings").SETTINGS for name in names())


def setting_groups() -> tuple[str, ...]:
    """The headings of the providers' settings."""
    return tuple(_module(name, "settings").GROUP for name in names())


def options(settings: BaseModel) -> dict[str, Any]:
    """What the providers' handlers see of the settings of a server or a world, by provider."""
    return {name: _module(name, "settings").options(settings) for name in names()}


def providers() -> "list[Provider]":
    """The providers, each made anew."""
    return [_module(name, "provider").provider() for name in names()]


def _module(name: str, module: str) -> Any:
    return import_module(f"{package.__name__}.{name}.{module}")
