"""The emulated APIs: each package beside this module is one, and so is each that another distribution names
in the entry-point group `audience_mock.providers`. Nothing else names them.

A package has three modules: `api.py` with `API`, what the core has to know; `settings.py` with `SETTINGS`,
the model of its settings, `GROUP`, their heading, and `options()`, what handlers see of them; `provider.py`
with `provider()`, the `Provider` that its application is made of. It may have a fourth, `conduct.py` with
`CONDUCT`, what the conduct report has to know.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
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


class ProviderPackageError(Exception):
    """An installed package is no provider; the text says which, and why."""


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
    """Register all APIs with the core. Raises ProviderPackageError."""
    sequences: dict[str, str] = {}
    for name in packages():
        api = _module(name, "api").API
        _check_name(name, "API", api.name)
        _check_own(name, "sequence", api.sequences, sequences)
        register(api)


def settings_models() -> tuple[type[BaseModel], ...]:
    """The providers' models of their settings. Raises ProviderPackageError."""
    models = {name: _module(name, "settings").SETTINGS for name in packages()}
    for name, model in models.items():
        if not _is_included(name) and (
            foreign := [field for field in model.model_fields if not field.startswith(f"{name}_")]
        ):
            raise ProviderPackageError(
                f"{packages()[name]}: the setting {foreign[0]} has to begin with {name}_"
            )
    return tuple(models.values())


def setting_groups() -> tuple[str, ...]:
    """The headings of the providers' settings."""
    return tuple(_module(name, "settings").GROUP for name in packages())


def options(settings: BaseModel) -> dict[str, Any]:
    """What the providers' handlers see of the settings of a server or a world, by provider."""
    return {name: _module(name, "settings").options(settings) for name in packages()}


def providers() -> "list[Provider]":
    """The providers, each made anew. Raises ProviderPackageError."""
    made: dict[str, Provider] = {name: _module(name, "provider").provider() for name in packages()}
    mounts: dict[str, str] = {}
    operations: dict[str, str] = {}
    for name, provider in made.items():
        _check_name(name, "provider", provider.name)
        _check_own(name, "path", provider.mounts, mounts)
        _check_own(name, "operation", _operations(provider), operations)
    return [*made.values()]


def conducts() -> "dict[str, Conduct]":
    """What the conduct report has to know of the providers, of those that say it; imported when it is asked
    for."""
    return {
        name: _module(name, "conduct").CONDUCT
        for name, package in packages().items()
        if find_spec(f"{package}.conduct") is not None
    }


def _module(name: str, module: str) -> Any:
    whole = f"{packages()[name]}.{module}"
    try:
        return import_module(whole)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{whole}.".startswith(f"{error.name}."):
            raise  # what the module imports is missing
        raise ProviderPackageError(f"the provider {name} has no module {whole}") from error


def _check_name(name: str, what: str, given: str) -> None:
    if given != name:
        raise ProviderPackageError(
            f"{packages()[name]}: its {what} is named {given}, and its entry point {name}"
        )


def _is_included(name: str) -> bool:
    return packages()[name].startswith(f"{package.__name__}.")


def _operations(provider: "Provider") -> Iterator[str]:
    for router in provider.routers:
        for route in router.routes:
            yield str(getattr(route, "operation_id", None) or getattr(route, "name", ""))


def _check_own(name: str, what: str, given: Iterable[str], taken: dict[str, str]) -> None:
    """Add what a provider has of a kind to what the others have. The included ones come first."""
    for each in given:
        if taken.setdefault(each, name) != name and not _is_included(name):
            raise ProviderPackageError(f"{packages()[name]}: {taken[each]} has the {what} {each} already")
