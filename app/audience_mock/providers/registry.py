"""The emulated APIs: each package beside this module is one, and nothing else names them.

A package has `api.py` (`API`, what the core has to know), `settings.py` (`SETTINGS`, the settings of
its own) and `provider.py` (`provider()`, the `Provider` of which its application is made).
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from audience_mock import providers
from audience_mock.core.apis import Api, register


@cache
def names() -> tuple[str, ...]:
    """The names of all providers, sorted."""
    return tuple(sorted(found.name for found in iter_modules(providers.__path__) if found.ispkg))


@cache
def register_apis() -> Mapping[str, Api]:
    """Register all APIs with the core, once; returns them by name."""
    apis = {name: _module(name, "api").API for name in names()}
    for api in apis.values():
        register(api)
    return apis


def _module(name: str, module: str) -> Any:
    return import_module(f"{providers.__name__}.{name}.{module}")
