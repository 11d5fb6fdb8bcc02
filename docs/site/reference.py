"""Writes the parts of the documentation that follow from the code.

    make docs-reference

A page contains such a part between two comments, `<!-- generated: NAME -->` and `<!-- end -->`; the text
around it is written by hand. `tests/docs/test_reference.py` fails while a page differs from what this would
write. The chart's schema of values is such a part, too: the settings that it takes.
"""

import ast
import inspect
import json
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Iterator
from difflib import unified_diff
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import click
from reference_proofs import PROOFS
from reference_schemas import control_api, described, seed_schema, table

from audience_mock import testing
from audience_mock.client import DEFAULT_WORLD, Clock, Faults, Journal, Urls
from audience_mock.core.users.magic import identities
from audience_mock.providers import registry
from audience_mock.providers.pinterest import errors as pinterest_errors
from audience_mock.providers.pitchtarget import errors as pitchtarget_errors
from audience_mock.settings import ENVIRONMENT_PREFIX, GROUPS, Settings, WorldSettings, group_of
from audience_mock.web.bridge import loss_list
from audience_mock.web.conduct.examination import RuleBook, rule_book
from audience_mock.web.conduct.rules import Rule
from audience_mock.web.evidence import ErrorSpec, Evidence

TOP = Path(__file__).parents[2]
PAGES = TOP / "docs"
command: click.Group = resolve_name(
    tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["scripts"]["audience-mock"]
)
REGION = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
HELP_WIDTH = 100
"""Columns of the help texts, whatever the terminal has."""


def outdated() -> dict[Path, str]:
    """The pages whose generated parts differ from what the code says, each with its difference."""
    return {
        page: "".join(unified_diff(had.splitlines(True), text.splitlines(True), "page", "code", n=1))
        for page, text in _pages()
        if (had := page.read_text()) != text
    }


def _pages() -> Iterable[tuple[Path, str]]:
    for page in sorted(PAGES.rglob("*.md")):
        text = page.read_text()
        if REGION.search(text):
            yield (
                page,
                REGION.sub(
                    lambda found: f"{found[1]}\n{GENERATED[found['name']]().strip()}\n\n{found[3]}", text
                ),
            )
    if (schema := TOP / CHART / "values.schema.json").exists():
        yield schema, _chart_schema(json.loads(schema.read_text()))


# Settings


CHART = "deploy/helm/audience-mock"
SET_BY_THE_CHART = frozenset(
    {"port", "public_url", "ready_file", "database", "admin_token", "admin_token_file", "tenants", "drain_s"}
    | {"metrics"}
)
"""Settings that follow from other values of the chart, or that its pods have no use for."""


def _chart_schema(schema: dict[str, Any]) -> str:
    """The schema of the chart's values, which takes the other settings by their names."""
    names = sorted(Settings.model_fields.keys() - SET_BY_THE_CHART)
    schema["properties"]["settings"]["propertyNames"] = {"enum": names}
    return json.dumps(schema, indent=2) + "\n"


def settings() -> str:
    groups: dict[str, list[tuple[str, ...]]] = {group: [] for group in GROUPS}
    for name, field in Settings.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        flags = f"`{flag}`, `--no-{flag[2:]}`" if field.annotation is bool else f"`{flag}`"
        groups[group_of(name)].append(
            (
                flags,
                f"`{ENVIRONMENT_PREFIX}{name.upper()}`",
                _default(field.default),
                "yes" if name in WorldSettings.model_fields else "",
                field.description or "",
            )
        )
    head = ("flag", "variable", "default", "per world", "purpose")
    return "\n\n".join(part for group in groups for part in (f"## {group}", table(head, groups[group])))


def _default(default: Any) -> str:
    if default in (None, ()):
        return "none"
    value = ",".join(default) if isinstance(default, tuple) else default
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


# The command


def commands() -> str:
    parts = ["## audience-mock", _fenced(help_of(None))]
    for name in COMMANDS:
        parts += [f"{'#' * (2 + name.count(' '))} {name}", _fenced(help_of(name))]
    return "\n\n".join(parts)


def _subcommands(above: click.Group = command, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    with click.Context(above) as context:
        for name in above.list_commands(context):
            one = above.get_command(context, name)
            assert one is not None
            yield prefix + name, one
            if isinstance(one, click.Group):
                yield from _subcommands(one, f"{prefix}{name} ")


COMMANDS = dict(_subcommands())
"""Each subcommand by its name, such as `serve` or `fault add`."""


def help_of(name: str | None, *, width: int = HELP_WIDTH) -> str:
    """The help of a subcommand, or of the command itself."""
    sizes = {"terminal_width": width, "max_content_width": width}
    above = click.Context(command, info_name="audience-mock", **{**command.context_settings, **sizes})
    if name is None:
        return above.get_help()
    words = name.split()
    for end in range(1, len(words) + 1):
        one = COMMANDS[" ".join(words[:end])]
        above = click.Context(
            one, parent=above, info_name=words[end - 1], terminal_width=width, max_content_width=width
        )
    return above.get_help()


def _fenced(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```"


# The provider APIs


def operations(provider: str) -> str:
    description = described(f"openapi/{provider}.json")
    rows = []
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            identifier = operation["operationId"]
            file, function = next(
                (file, tests[identifier]) for file, tests in PROOFS.items() if identifier in tests
            )
            rows.append(
                (
                    f"`{identifier}`",
                    f"`{method.upper()} {path}`",
                    operation["summary"],
                    f"[{function}](../../{file})",
                )
            )
    return table(
        ("operation", "method and path", "what it does", "proved by"),
        sorted(rows, key=lambda row: row[1].split()[1]),
    )


def evidence() -> str:
    """The grades and how often each occurs, from the table that `make openapi` writes."""
    text = (TOP / "openapi/EVIDENCE.md").read_text()
    rows = re.findall(
        r"^\| (recorded|documented|inferred|invented) \| (.+) \| (\d+) \|$", text, flags=re.MULTILINE
    )
    return table(("grade", "meaning", "rules"), rows)


def magic_identities() -> str:
    """The identities and their effects; of those that reject an upload, each API's error and its evidence."""
    rows = []
    for each in identities().values():
        answers = ["", ""]
        if each.rejected_with is not None:
            status, code = each.rejected_with
            answers = [
                _error(pinterest_errors.injected(status, code)),
                _error(pitchtarget_errors.injected(status)),
            ]
        rows.append((f"`{each.name}`", each.effect, *answers))
    return table(("name", "an upload that has it", "Pinterest's error", "PitchTarget's error"), rows)


def _error(spec: ErrorSpec) -> str:
    code = "" if spec.code is None else f", code {spec.code}"
    return f"{spec.status}{code} ({spec.evidence.grade})"


# The Python API


def python_api() -> str:
    parts = [_class(testing.MockServer, created=True), f"## connect\n\n{_callable(testing.connect)}"]
    parts += [
        _class(testing.MockWorld, created=True),
        *(_class(each) for each in (Urls, Clock, Faults, Journal, testing.SweepReport)),
    ]
    parts += ["## Exceptions"]
    for name in sorted(testing.__all__):
        error = getattr(testing, name)
        if isinstance(error, type) and issubclass(error, Exception):
            parts.append(f"### {name}\n\nA subclass of `{error.__mro__[1].__name__}`. {_docstring(error)}")
    return "\n\n".join(parts)


def _class(of: type, *, created: bool = False) -> str:
    """`created`: users call it, rather than get its objects from another."""
    parts = [f"## {of.__name__}", _docstring(of)]
    members = vars(of)
    if created:
        parts.append(_signature(of.__name__, members["__init__"], returns=False))
    for name, member in members.items():
        heading = f"### {of.__name__}.{name}"
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            assert member.fget is not None
            parts.append(f"{heading}\n\n{_docstring(member)} Type: `{_returned(_parsed(member.fget))}`.")
        elif inspect.isfunction(member):
            parts.append(f"{heading}\n\n{_callable(member)}")
    attributes = inspect.get_annotations(of) if of is Urls else {}
    parts += [f"### {of.__name__}.{name}\n\nType: `str`." for name in attributes]
    return "\n\n".join(parts)


def _callable(of: Callable[..., Any]) -> str:
    return f"{_signature(of.__name__, of)}\n\n{_docstring(of)}".rstrip()


def _signature(name: str, of: Callable[..., Any], *, returns: bool = True) -> str:
    """As the source has it: what `inspect` shows depends on the version of Python."""
    function = _parsed(of)
    function.args.args = [each for each in function.args.args if each.arg != "self"]
    result = f" -> {_returned(function)}" if returns else ""
    arguments = re.sub(r"(?<=[\w\]'])=(?=\S)", " = ", ast.unparse(function.args))
    arguments = arguments.replace("DEFAULT_WORLD", repr(DEFAULT_WORLD))
    return f"```text\n{name}({arguments}){result}\n```"


def _parsed(of: Callable[..., Any]) -> ast.FunctionDef:
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(of))).body
    assert isinstance(function, ast.FunctionDef)
    return function


def _returned(function: ast.FunctionDef) -> str:
    assert function.returns is not None
    return ast.unparse(function.returns).strip("'")


def _docstring(of: object) -> str:
    return inspect.getdoc(of) or ""


# Rules of the conduct report


def conduct_rules() -> str:
    providers = {provider.name: provider for provider in registry.providers()}
    book = rule_book(providers, registry.conducts())
    return "\n\n".join(_conduct_rule(rule, book) for rule in book.rules)


def _conduct_rule(rule: Rule, book: RuleBook) -> str:
    own = [(name, api.evidence[rule.id]) for name, api in book.apis.items() if rule.id in api.evidence]
    rests_on = [_rests_on(rule.evidence), *(f"{_rests_on(each)} ({name})" for name, each in own)]
    options = [(f"`{option.name}`", f"`{option.default:g}`", option.help) for option in rule.options]
    return "\n\n".join(
        [
            f"## {rule.id}",
            f"**{rule.name}**, {rule.severity}. {rule.summary}",
            f"Do: {rule.fix}.",
            "Rests on:\n\n" + "\n".join(f"- {each}" for each in rests_on),
            *([table(("threshold", "default", "meaning"), options)] if options else ()),
        ]
    )


def _rests_on(evidence: Evidence) -> str:
    source = evidence.source.removeprefix("chosen: ")
    return f"{evidence.grade}: {f'{evidence.rule}, by {source}' if evidence.rule else source}"


# The bridge between the APIs


def bridge() -> str:
    """The rules of each API that change or lose something, by the direction of the move."""
    bridges = {each.name: each.bridge() for each in registry.providers() if each.bridge is not None}
    parts = []
    for target, of_target in bridges.items():
        sources = [name for name in bridges if name != target]
        rows = [
            (
                f"`{rule.field}`",
                ", ".join(f"`{name}`" for each in sources if (name := bridges[each].names.get(rule.field))),
                rule.outcome,
                rule.when,
                rule.why,
                f"{rule.evidence.grade}: {rule.evidence.source}",
            )
            for rule in loss_list(of_target)
        ]
        head = ("field", "there", "outcome", "when", "why", "evidence")
        parts += [f"## From {' and '.join(sources)} to {target}", table(head, rows)]
        needs = [(f"`{need.name}`", need.why, need.evidence.source) for need in of_target.needs]
        if needs:
            parts += ["Needed, and in no other API:", table(("name", "why", "source"), needs)]
        rest = [(f"`{rest.section}`", rest.why) for each in sources for rest in bridges[each].rest]
        parts += ["Rows of a seed that are not moved:", table(("section", "why"), rest)]
    return "\n\n".join(parts)


# Decision records


def decisions() -> str:
    rows = []
    for record in sorted((PAGES / "design/decisions").glob("[0-9]*.md")):
        title = record.read_text().splitlines()[0].removeprefix("# ")
        number, _, text = title.partition(". ")
        rows.append((number, f"[{text}]({record.name})"))
    return table(("number", "decision"), rows)


GENERATED: dict[str, Callable[[], str]] = {
    "settings": settings,
    "commands": commands,
    "pinterest-operations": lambda: operations("pinterest"),
    "pitchtarget-operations": lambda: operations("pitchtarget"),
    "control-api": control_api,
    "seed-schema": seed_schema,
    "evidence": evidence,
    "magic-identities": magic_identities,
    "python-api": python_api,
    "conduct-rules": conduct_rules,
    "bridge": bridge,
    "decisions": decisions,
}


def main() -> None:
    for page, text in _pages():
        if page.read_text() != text:
            page.write_text(text)
            sys.stdout.write(f"{page.relative_to(TOP)}\n")


if __name__ == "__main__":
    main()
