"""Documents, help, descriptions and code use the field's terms, and no phrase that a reader has to decode."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import samples
from reference import COMMANDS, help_of

TOP = samples.TOP
INSTEAD = {
    r"\bdoubles?\b": "mock server",
    r"\b(the|a) test's hand\b|\bthe hand\b|\ba hand\b": "control API; by the test",
    r"\bsteer": "control",
    r"\bcontrol plane\b": "control API",
    r"\brungs?\b": "baselines",
    r"\bdoors?\b": "accept handlers",
    r"\bfloors?\b|(?<!living )\brooms\b": "layers",
    r"\b(the|no|has) words (of|for)\b": "allowed values; wording",
    r"\b[Rr]ead over\b|\breads over\b": "ignored",
    r"\brules? (that )?(are|is) kept to\b|\blimits are kept to\b": "validation strictness; enforced",
    r"\b(release|description) that is answered\b|\bwith what it has and lacks\b": "version to emulate",
    r"\bwhich that dropped\b": "which 5.28 removed",
    r"\brefuses nothing\b": "sends rate-limit headers, never 429",
    r"\bis said to\b": "is forwarded to",
    r"\bis no operation of\b": "unknown control endpoint",
    r"\b[Ss]ay what is wrong\b": "validate",
    r": right\b": ": OK",
    r"\bnot spent\b|\bunspent\b": "never fired, unused",
    r"\bnothing happens: give\b": "a fault needs an effect:",
    r"\bseed is left out\b": "--seed ignored",
    r"\bheld to (what|those|the rules)\b|\bis held to\b": "checked against; validated",
    r"\bcalls nobody\b": "makes no network calls",
    r"\bis nobody\b": "matches no person",
    r"\b[Gg]iven up\b": "trade-off",
    r"\bmoods?\b": "noise",
    r"\b[Oo]n the desk\b": "local development",
    r"\bdialects?\b": "provider",
    r"\b(plants?|planted|planting) (a|the|what)\b": "seed",
    r"\bknobs?\b": "setting",
}
"""A pattern for each phrase, and what to write."""

IN_CODE = INSTEAD | {
    r"\b(nobody|somebody|whoever)\b": "say who: no client, a caller",
    r"\brefus(e|es|ed|al|als|ing)\b": "reject",
    r"\b(has|have) to say\b|\bgoes by\b|\bwords it\b": "name the subject and the verb",
    r"\bat hand\b": "available",
}
"""The same for docstrings, comments and messages of the code."""

APP = TOP / "app/audience_mock"
CHANGES = TOP / "CHANGELOG.md"
"""Has old names, in code, in its table."""

TEXTS: dict[str, Path] = {
    str(path.relative_to(TOP)): path
    for path in (
        *(TOP / name for name in ("pyproject.toml", "Makefile", "Dockerfile", "compose.yaml")),
        *(*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md"), *(TOP / "openapi").iterdir()),
    )
}


def found(text: str, phrases: Mapping[str, str] = INSTEAD) -> list[str]:
    """The phrases of a text that have a better one, each with that."""
    text = " ".join(text.split())
    return [
        f"{found[0]!r}: say {instead!r} (…{text[max(0, found.start() - 40) : found.end() + 20]!r})"
        for pattern, instead in phrases.items()
        for found in re.finditer(pattern, text, flags=re.IGNORECASE)
    ]


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_documents_and_descriptions_use_the_terms(name: str) -> None:
    """No document and no description of an API has one of the phrases."""
    text = TEXTS[name].read_text()
    assert found(re.sub(r"`[^`\n]*`", "", text) if TEXTS[name] == CHANGES else text) == []


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_help_uses_the_terms(name: str | None) -> None:
    """Neither the command's help nor that of a subcommand has one of the phrases."""
    assert found(help_of(name, width=1000)) == []


def prose_of(source: str) -> Iterator[str]:
    """The comments and string literals of a module, docstrings and messages among them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


@pytest.mark.parametrize("package", sorted({path.relative_to(APP).parts[0] for path in APP.rglob("*.py")}))
def test_code_uses_the_terms(package: str) -> None:
    """No docstring, comment or message of a module or package of the application has one of the phrases."""
    modules = sorted((APP / package).rglob("*.py")) or [APP / package]
    wrong = {
        str(module.relative_to(APP)): phrases
        for module in modules
        if (phrases := [line for text in prose_of(module.read_text()) for line in found(text, IN_CODE)])
    }
    assert wrong == {}


@pytest.mark.parametrize(
    "phrase",
    [
        "A double of two APIs",
        "The test's hand",
        "Who may steer it",
        "the rungs that it stands on",
        "eight doors",
        "the words of `engagement_type`",
        "has them read over",
        "Which rules are kept to",
        "Release of Pinterest's description that is answered",
        "which that dropped",
        "count tells them and refuses nothing",
        "What is said to this process by signals is said to COMMAND.",
        "is no operation of the control plane",
        "Say what is wrong with seed files",
        "demo.json: right, 35 audiences",
        "planned, and not spent",
        "nothing happens: give one of",
        "already has a state; the seed is left out",
        "held to what it says",
        "calls nobody",
        "is counted and is nobody",
        "Given up: a query over all worlds",
        "the machine's mood",
        "On the desk",
    ],
)
def test_the_phrases_are_found(phrase: str) -> None:
    """The patterns find the phrases that they are for."""
    assert found(phrase) != []
