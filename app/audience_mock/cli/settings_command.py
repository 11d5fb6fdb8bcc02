"""A command with a flag for each setting, grouped in its help."""

import gc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args, get_origin

import click

from audience_mock.cli.errors import exit_with_error
from audience_mock.cli.option_groups import GroupedCommand, ShownChoice

if TYPE_CHECKING:
    from click.types import OptionHelpExtra
    from pydantic.fields import FieldInfo

    from audience_mock.settings import Settings


class SettingOption(click.Option):
    """A flag for a setting. None if it is not given, so that Settings reads the variable or the default."""

    def __init__(self, name: str, field: "FieldInfo") -> None:
        from audience_mock.settings import group_of, metavar_of, variable_of

        flag = flag_of(name)
        self.group = group_of(name)
        self._extra: OptionHelpExtra = {
            "envvars": (variable_of(name),),
            "default": _shown_default(field.default),
        }
        if field.annotation is bool:
            super().__init__(
                [f"{flag}/--no-{flag[2:]}", name], is_flag=True, default=None, help=field.description
            )
        else:
            metavar = metavar_of(name)
            super().__init__(
                [flag, name], type=_kind(field.annotation, metavar), metavar=metavar, help=field.description
            )

    def get_help_extra(self, ctx: click.Context) -> "OptionHelpExtra":
        return self._extra


class SettingsCommand(GroupedCommand):
    """A command that takes the settings of a server as flags."""

    fixed_settings: Collection[str] = ()
    """Settings that the command decides itself."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        # Only a command that runs or shows its help has its flags made: that imports pydantic.
        if not any(isinstance(parameter, SettingOption) for parameter in self.params):
            with without_collector():
                self.params += _options(self.fixed_settings)
        return super().get_params(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            from audience_mock.settings import SECRET_SETTINGS

            secret_flags = tuple(flag_of(name) for name in SECRET_SETTINGS)
            if "extra argument" in error.message and any(one.startswith(secret_flags) for one in given):
                # It may be the rest of a secret.
                raise click.UsageError("Got an extra argument: quote a value with spaces", ctx) from None
            raise

    def ordered(self, groups: Collection[str]) -> Collection[str]:
        from audience_mock.settings import GROUPS

        own = [group for group in groups if group not in GROUPS]
        return [*own, *(group for group in GROUPS if group in groups)]


@contextmanager
def without_collector() -> Iterator[None]:
    """Imports until the first answer make no garbage worth collecting; the collector takes 80 ms of them."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def flag_of(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def given_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that were given as flags."""
    return {name: value for name, value in flags.items() if value is not None}


def read_settings(flags: Mapping[str, Any]) -> "Settings":
    """The settings from the flags and the environment; exits where one is invalid."""
    from audience_mock.core.errors import InvalidSettingsError
    from audience_mock.settings import Settings

    try:
        return Settings(**flags)
    except InvalidSettingsError as error:
        exit_for_setting(error, flags)


def exit_for_setting(error: object, flags: Collection[str]) -> NoReturn:
    """Report an error; one of a setting that was given as a flag by the name of the flag."""
    from audience_mock.core.errors import InvalidSettingsError

    if isinstance(error, InvalidSettingsError) and error.setting in flags:
        exit_with_error(f"{flag_of(error.setting)}: {error.why}")
    exit_with_error(error)


def _options(fixed: Collection[str]) -> Iterator[SettingOption]:
    from audience_mock.settings import Settings

    for name, field in Settings.model_fields.items():
        if name not in fixed:
            yield SettingOption(name, field)


def _kind(annotation: Any, metavar: str | None) -> click.ParamType[str]:
    """What a shell completes: allowed values, files, or nothing."""
    choices = _choices(annotation)
    if choices:
        return ShownChoice(choices)
    return click.Path() if (metavar or "").startswith("FILE") else click.STRING


def _choices(annotation: Any) -> list[str]:
    """The values of a Literal, also of one that may be None."""
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    return [choice for member in get_args(annotation) for choice in _choices(member)]


def _shown_default(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return (",".join(value) or "none") if isinstance(value, tuple) else str(value)
