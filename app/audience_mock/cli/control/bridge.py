"""`bridge`: what a move of a world's audiences to another API keeps, changes and loses."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from audience_mock.cli.control.command import ControlCommand, example
from audience_mock.cli.control.output import echo, echo_json, echo_table
from audience_mock.cli.control.values import grouped
from audience_mock.core.counting import counted

if TYPE_CHECKING:
    from audience_mock.client import MockWorld

VALUE_CHARACTERS = 60
COLOURS = {"changed": "yellow", "lost": "red"}


def _show(found: Mapping[str, Any]) -> None:
    if "items" not in found:
        echo_json(found)
        return
    audiences, fields = found["audiences"], found["fields"]
    echo(f"{found['source']} -> {found['target']}", bold=True)
    echo(f"audiences: {audiences['moved']} moved, {audiences['lost']} lost")
    echo(f"fields: {', '.join(f'{fields[outcome]} {outcome}' for outcome in ('kept', 'changed', 'lost'))}")
    for item in found["items"]:
        _show_item(item)
    shown, all_audiences = len(found["items"]), audiences["moved"] + audiences["lost"]
    if shown < all_audiences:
        echo("")
        echo(f"{counted(all_audiences - shown, 'more audience')} (--limit)")
    if found["losses"]:
        echo("")
        echo_table(
            ("audiences", "field", "outcome", "why", "evidence"),
            [
                (loss["audiences"], loss["field"], loss["outcome"], _why(loss), _evidence(loss))
                for loss in found["losses"]
            ],
            empty="",
        )
    for rest in found["not_moved"]:
        echo(f"{rest['section']}: {rest['rows']} not moved: {rest['why']} ({_evidence(rest)})")


def _show_item(item: Mapping[str, Any]) -> None:
    becomes = item["becomes"]
    echo("")
    to = f"{becomes['kind']} {becomes['id']}" if becomes else "not moved"
    echo(f"{item['kind']} {item['id']} {item['name']}: {to}", bold=True)
    if becomes is None:
        population = item["fields"][0]
        echo(f"  {population['why']} ({_evidence(population)})", colour=COLOURS["lost"])
        return
    for field in item["fields"]:
        value, moved = _value(field["value"]), _value(field["becomes"])
        named = field["from"] or field["field"]
        if field["outcome"] == "lost":
            echo(f"  lost     {named}: {value}", colour=COLOURS["lost"])
            continue
        if field["becomes"] is None:
            to = f" -> {field['to']}"
        else:
            to = "" if field["to"] == named and moved == value else f" -> {field['to']}: {moved}"
        echo(f"  {field['outcome'].ljust(7)}  {named}: {value}{to}", colour=COLOURS.get(field["outcome"]))
    for need in item["needs"]:
        echo(f"  needed   {need['name']}: {need['why']}", colour="yellow")


def _why(loss: Mapping[str, Any]) -> str:
    return f"{loss['when']}: {loss['why']}" if loss["when"] else str(loss["why"])


def _evidence(known: Mapping[str, Any]) -> str:
    return f"{known['grade']}: {known['source']}"


def _value(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"count", "sha256"}:
        return f"{value['count']}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}…"


@click.command(
    cls=ControlCommand,
    show=_show,
    epilog=example("audience-mock bridge", "audience-mock bridge --seed > moved.json"),
)
@grouped("Move", "--source", metavar="API", help="API to move from; by default pitchtarget.")
@grouped("Move", "--target", metavar="API", help="API to move to; by default the other one.")
@grouped(
    "Move",
    "--limit",
    type=int,
    default=100,
    show_default=True,
    metavar="COUNT",
    help="Audiences to show at most.",
)
@grouped("Move", "--seed", is_flag=True, help="Print the moved audiences as a seed for an empty world.")
def bridge(
    world: "MockWorld", *, source: str | None, target: str | None, limit: int, seed: bool
) -> dict[str, Any]:
    """Say what a move of a world's audiences to the other API keeps, changes and loses.

    Each field has a rule, with its evidence. Nothing is moved.
    """
    if seed:
        return world.bridge_seed(source, target)
    return world.bridge(source, target, limit=limit)
