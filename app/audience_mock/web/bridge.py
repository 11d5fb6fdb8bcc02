"""What a move from one API to another keeps, changes and loses.

Each provider says how it reads an audience of a seed into fields that no API owns, and by which rules it
takes such fields from another API. What is here compares: it knows no provider. Moved audiences are rows of a
seed again, so that a move can be tried, and undone.

A field is kept if moving back restores it, changed if something else stands for it, and lost if the other API
has no place for it. The rules that change or lose are the published loss list.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from audience_mock.core.apis import registered
from audience_mock.core.seeds.rows import Row
from audience_mock.web.evidence import Evidence, chosen

Outcome = Literal["kept", "changed", "lost"]
Fields = Mapping[str, Any]
SeedRow = dict[str, Any]

FIELDS: Mapping[str, str] = {
    "population": "who is in it: users of an upload, visitors of a site, users of an app, a lookalike, or"
    " what one API alone has",
    "id": "the API's own number of it",
    "external_id": "the id that another platform gave it",
    "account": "the ad account",
    "name": "the name",
    "description": "the description",
    "opt_out_link": "where people of it opt out",
    "id_type": "what kind of identifier its users are given by",
    "users": "its users, as digests of their identifiers",
    "aliases": "other hashes of the same users",
    "size": "how many people it has",
    "status": "whether it is built, or when it will be",
    "times": "when it was created and changed",
    "retention_days": "how long a visitor stays in it, in days",
    "visitors_of": "the site or app that its visitors used",
    "visitor_rule": "what visitors have to have done",
    "origin": "the audience that a lookalike is like",
    "more_origins": "further audiences that it is like",
    "country": "the country of a lookalike",
    "percent": "how much of a country a lookalike has, in percent",
    "similarity": "the same by a word",
    "lookalike_rest": "further keys of what defines a lookalike",
    "definition_rest": "a definition that no other field has",
    "company": "the company that created it",
    "list_name": "the name of its customer list",
    "list_counts": "what was uploaded to and removed from its list",
    "list_is_nca": "whether its list is of a new-customer campaign",
    "answer_overrides": "keys of an answer that a seed overrides",
}
"""The fields of an audience, in the terms of no API, in the order of a report."""

USERS, VISITORS, APP, LOOKALIKE = "users", "visitors", "app", "lookalike"
"""Populations that more than one API has a word for."""

NOT_MOVED = chosen("it belongs to an audience that is not moved")


def common_fields(row: SeedRow) -> dict[str, Any]:
    """What an audience of any API has, of a row of a seed."""
    return {
        "id": row["id"],
        "account": row["account"],
        "name": row["name"],
        "description": row.get("description"),
        "size": row.get("people"),
        "status": {key: row[key] for key in ("status", "ready_at", "policy") if key in row},
        "times": {key: row[key] for key in ("created_at", "updated_at") if key in row},
    }


def definition_of(row: SeedRow) -> dict[str, Any]:
    """A copy of the JSON object that defines an audience, which a row has as text or as an object."""
    definition = row.get("definition") or {}
    return dict(json.loads(definition) if isinstance(definition, str) else definition)


def _always(fields: Fields) -> bool:
    return True


def population_is(*populations: str) -> Callable[[Fields], bool]:
    """The condition that an audience is of one of these populations."""
    return lambda fields: fields["population"] in populations


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """How an API takes a field. Of the rules of a field, the first one that `applies` decides.

    `name` is the field's name in that API, `when` the condition in words. `convert` is the value there, if it
    is another one; a rule that loses has none.
    """

    field: str
    outcome: Outcome
    why: str
    evidence: Evidence
    name: str = ""
    when: str = ""
    applies: Callable[[Fields], bool] = _always
    convert: Callable[[Fields], Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """Something that the API requires and that no audience of another API has."""

    name: str
    why: str
    evidence: Evidence
    applies: Callable[[Fields], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rest:
    """Rows of a seed's section that are this API's alone, and so are not moved."""

    section: str
    why: str
    evidence: Evidence


class Numbers(NamedTuple):
    """The ids that an audience gets in the API that it is moved to: its own, and its number among those that
    were moved (from 0), for what else is made for it."""

    id: str
    position: int


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """What a provider contributes.

    `names` are its own names of the fields that it has, `words` its words for populations. `read` gets a
    row of `audiences`, and that of its customer list if it has one; it leaves out the fields that the
    audience does not have. `write` makes the rows of an audience from the fields that were taken, by section.
    """

    names: Mapping[str, str]
    words: Mapping[str, str]
    read: Callable[[SeedRow, SeedRow | None], dict[str, Any]]
    rules: Sequence[Rule]
    write: Callable[[Fields, Numbers], Iterable[tuple[str, SeedRow]]]
    needs: Sequence[Need] = ()
    rest: Sequence[Rest] = ()
    units: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    """Turn values into those that the API writes, for fields that it writes in another unit."""
    aliases: Callable[[SeedRow], Sequence[str]] = field(default=lambda row: ())
    """Ids beside its own by which another audience may name it; they precede own ids."""


class Taken(NamedTuple):
    """A field, and what becomes of it. `rule` is None where the whole audience is not moved for another
    reason."""

    field: str
    value: Any
    outcome: Outcome
    rule: Rule
    becomes: Any


class Moved(NamedTuple):
    """An audience, what becomes of its fields, and its rows in the other API's terms; none if it is lost."""

    row: SeedRow
    fields: Sequence[Taken]
    needs: Sequence[Need]
    rows: Sequence[tuple[str, SeedRow]]


class Move:
    """The audiences of one API of a world, moved to another API. `rows` are those of an exported state."""

    def __init__(
        self, rows: Iterable[Row], *, source: str, target: str, bridges: Mapping[str, Bridge]
    ) -> None:
        self.source, self.target = source, target
        self._from, self._to = bridges[source], bridges[target]
        self._lists: dict[str, SeedRow] = {}
        self._found: dict[str, SeedRow] = {}
        self.rest: dict[str, int] = {}
        """Rows of each section that is the source's alone."""
        used_lists = set()
        own = {rest.section for rest in self._from.rest}
        for row in rows:
            if row.section == "audiences" and row.identity["api"] == source:
                shown = {**row.identity, **row.fields}
                self._found[shown["id"]] = shown
                used_lists.add(shown.get("customer_list"))
            elif row.section == "customer_lists":
                self._lists[row.identity["id"]] = {**row.identity, **row.fields}
            if row.section in own and row.identity.get("api", source) == source:
                self.rest[row.section] = self.rest.get(row.section, 0) + 1
        if "customer_lists" in self.rest:
            self.rest["customer_lists"] = len(self._lists.keys() - used_lists)
        self.rest = {section: count for section, count in self.rest.items() if count}
        self._by_any_id = {id: id for id in self._found} | {
            alias: id for id, row in self._found.items() for alias in self._from.aliases(row)
        }
        self._moves: dict[str, bool] = {}
        for id in self._found:
            self._decide(id)
        first = registered()[target].sequences[registered()[target].audience_sequence]
        moved = [id for id in self._found if self._moves[id]]
        self._new_ids = {id: Numbers(str(first + at), at) for at, id in enumerate(moved)}

    def __iter__(self) -> Iterator[Moved]:
        """Each audience, in the order of the state."""
        for id, row in self._found.items():
            yield self._move(row, self._new_ids.get(id))

    def seed(self) -> dict[str, Any]:
        """What was moved, as a seed: an empty world takes it."""
        sections: dict[str, list[SeedRow]] = {}
        for moved in self:
            for section, row in moved.rows:
                sections.setdefault(section, []).append(row)
        return sections

    def _decide(self, id: str) -> None:
        """Whether an audience is moved: a lookalike is not, if its origin is not, or if it is like itself."""
        chain: dict[str, dict[str, Any]] = {}
        at = id
        while at and at not in self._moves and at not in chain:
            chain[at] = self._read(self._found[at])
            at = self._by_any_id.get(chain[at].get("origin", ""), "")
        for each, fields in reversed(chain.items()):
            origin = self._by_any_id.get(fields.get("origin", ""), "")
            if not self._moves.get(origin, False):
                fields.pop("origin", None)
            self._moves[each] = _rule_for("population", self._to.rules, fields).outcome != "lost"

    def _read(self, row: SeedRow) -> dict[str, Any]:
        return self._from.read(row, self._lists.get(row.get("customer_list", "")))

    def _with_new_origin(self, read: Fields) -> dict[str, Any]:
        """The fields with the new id of the origin, or without the origin where it has none."""
        fields = dict(read)
        numbers = self._new_ids.get(self._by_any_id.get(fields.pop("origin", ""), ""))
        return fields if numbers is None else {**fields, "origin": numbers.id}

    def _move(self, row: SeedRow, numbers: Numbers | None) -> Moved:
        read = self._read(row)
        fields = self._with_new_origin(read)
        is_moved = numbers is not None
        taken = [self._take(name, read, fields, is_moved=is_moved) for name in FIELDS if name in read]
        if numbers is None:
            return Moved(row, taken, (), ())
        written = {each.field: each.becomes for each in taken if each.outcome != "lost"}
        return Moved(
            row,
            taken,
            [need for need in self._to.needs if need.applies(written)],
            [*self._to.write(written, numbers)],
        )

    def _take(self, name: str, read: Fields, fields: Fields, *, is_moved: bool) -> Taken:
        if not is_moved and name != "population":
            population = _rule_for("population", self._to.rules, fields)
            lost = Rule(field=name, outcome="lost", why=population.why, evidence=NOT_MOVED)
            return Taken(name, read[name], "lost", lost, None)
        rule = _rule_for(name, self._to.rules, fields)
        if rule.outcome == "lost":
            return Taken(name, read[name], "lost", rule, None)
        becomes = fields[name] if rule.convert is None else rule.convert(fields)
        return Taken(name, read[name], rule.outcome, rule, becomes)


def _rule_for(name: str, rules: Sequence[Rule], fields: Fields) -> Rule:
    return next(rule for rule in rules if rule.field == name and rule.applies(fields))


def loss_list(bridge: Bridge) -> list[Rule]:
    """What a move to this API does not keep."""
    return [rule for rule in bridge.rules if rule.outcome != "kept"]
