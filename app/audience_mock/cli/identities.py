"""`audience-mock identities`: the magic identities, in each form that an upload may have."""

import json
from collections.abc import Collection

import click

FORMS = ("plain", "md5", "sha1", "sha256")


@click.command(
    epilog="""
    \b
    Examples:
      audience-mock identities
      audience-mock identities --form sha256 never-match too-small
    """
)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--form",
    type=click.Choice(FORMS, case_sensitive=False),
    help="Print the addresses in this form alone, one a line: a file to upload.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: all forms of addresses and devices.")
def identities(*, names: tuple[str, ...], form: str | None, as_json: bool) -> None:
    """List the magic identities.

    These addresses decide how an upload ends. One with never-match@audience-mock.example has a person who is
    never matched; others make it too small, or fail. They work in plain and hashed form, in both APIs. NAME
    is the part before the @, or the whole address. No server is needed.
    """
    from audience_mock.core.users.magic import identities_as_json

    known = {each["name"]: each for each in identities_as_json()}
    chosen = [known[_named(name, known)] for name in names or known]
    if as_json:
        click.echo(json.dumps({"identities": chosen}, indent=2))
    elif form is not None:
        for each in chosen:
            click.echo(each["email"][form])
    else:
        width = max(len(each["email"]["plain"]) for each in chosen)
        for each in chosen:
            click.echo(f"{each['email']['plain']:{width}}  {each['effect']}")


def _named(text: str, known: Collection[str]) -> str:
    """The name of an identity, which may be given by its address. Exits where there is none."""
    from audience_mock.core.suggestions import closest, did_you_mean
    from audience_mock.core.users.magic import DOMAIN

    name = text.strip().lower().removesuffix(f"@{DOMAIN}")
    if name not in known:
        hint = did_you_mean(closest(name, known)) or f": the names are {', '.join(known)}"
        raise click.BadParameter(f"no magic identity is named {text[:100]!r}{hint}", param_hint="'NAME'")
    return name
