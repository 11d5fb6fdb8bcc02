"""What a move between the APIs keeps: the published rules, and a round trip as a property."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audience_mock.core.seeds.rows import Row
from audience_mock.core.seeds.schemas import Seed
from audience_mock.providers import registry
from audience_mock.testing import MockServer
from audience_mock.web.bridge import FIELDS, Bridge, Move, Moved, Rule

PITCHTARGET, PINTEREST = "pitchtarget", "pinterest"
SEED_ROW = dict[str, Any]

NAMES = st.text("abcXYZ <&é", min_size=1, max_size=8).filter(str.strip)
DIGEST = st.integers(0, 30).map(lambda number: sha256(str(number).encode()).digest())


@pytest.fixture(scope="module")
def bridges() -> Mapping[str, Bridge]:
    return {each.name: each.bridge() for each in registry.providers() if each.bridge is not None}


def _users() -> st.SearchStrategy[list[str]]:
    """As a state has them."""
    return st.lists(DIGEST, min_size=1, max_size=5, unique=True).map(
        lambda digests: [base64.b64encode(b"".join(sorted(digests))).decode()]
    )


COMMON = {
    "name": NAMES,
    "account": st.sampled_from(["2", "107", "549755885175", "9" * 20]),
    "people": st.integers(0, 300),
}
KINDS: dict[str, dict[str, Any]] = {
    "CUSTOM": {
        "user_type": st.sampled_from(
            ["email_hash", "phone_hash", "mobile_advertiser_id", "custom_audience_third_party_id", "fbid"]
        ),
        "users": _users(),
    },
    "WEBSITE": {
        "retention_days": st.integers(1, 180),
        "definition": st.sampled_from(['{"url": {"i_contains": "shoes"}}', '{"url":{}}']),
    },
    "APP": {"retention_days": st.integers(1, 180), "definition": st.just('{"event":"open"}')},
    "LOOKALIKE": {
        "origin_id": st.integers(1, 8).map(str)
        | st.integers(1, 8).map(lambda id: f'"{id}"')
        | st.just('"900001"'),
        "definition": st.fixed_dictionaries(
            {"country": st.sampled_from(["US", "DE"])},
            optional={
                "ratio": st.integers(1, 20).map(lambda hundredths: hundredths / 100),
                "type": st.sampled_from(["similarity", "reach"]),
                "extra": st.integers(),
            },
        ),
    },
}
OPTIONAL = {
    "description": st.text(max_size=5),
    "opt_out_link": st.just("http://www.myshop.com/opt_out"),
    "facebook_id": st.sampled_from(["900001", "900002"]),
    "status": st.sampled_from(["INITIALIZING", "READY", "TOO_SMALL"]),
    "ready_at": st.just(1_700_000_000),
    "policy": st.sampled_from(["by_hand", "failed", "after_reads:2"]),
    "created_at": st.just(1_600_000_000),
    "facebook_object": st.just({"approximate_count": 7}),
}
AUDIENCES = st.lists(
    st.sampled_from(sorted(KINDS)).flatmap(
        lambda kind: st.fixed_dictionaries(
            {**COMMON, **KINDS[kind], "kind": st.just(kind)}, optional=OPTIONAL
        )
    ),
    max_size=6,
).map(lambda rows: [{"api": PITCHTARGET, "id": str(at), **row} for at, row in enumerate(rows, 1)])


def _rows(seed: Mapping[str, Sequence[SEED_ROW]]) -> Iterator[Row]:
    for section in ("customer_lists", "audiences"):
        for row in seed.get(section, ()):
            identity: SEED_ROW = {key: row[key] for key in ("api", "id") if key in row}
            yield Row(section, identity, {key: value for key, value in row.items() if key not in identity})


def _move(seed: Mapping[str, Sequence[SEED_ROW]], bridges: Mapping[str, Bridge], *, source: str) -> Move:
    target = PINTEREST if source == PITCHTARGET else PITCHTARGET
    return Move(_rows(seed), source=source, target=target, bridges=bridges)


def _kept(moved: Moved) -> dict[str, Any]:
    return {taken.field: taken.value for taken in moved.fields if taken.outcome == "kept"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(AUDIENCES)
def test_all_that_is_not_on_the_loss_list_survives_a_round_trip(
    bridges: Mapping[str, Bridge], audiences: list[SEED_ROW]
) -> None:
    """Audiences of PitchTarget's, moved to Pinterest's API and back: every field that neither move changes or
    loses by a published rule has its value again, and what both moves make is a valid seed."""
    there = _move({"audiences": audiences}, bridges, source=PITCHTARGET)
    Seed.model_validate(there.seed())
    back = _move(there.seed(), bridges, source=PINTEREST)
    Seed.model_validate(back.seed())
    again = _move(back.seed(), bridges, source=PITCHTARGET)
    went = [moved for moved in there if moved.rows]
    assert [moved.row["name"] for moved in went] == [moved.row["name"] for moved in again]
    places = [{moved.row["id"]: at for at, moved in enumerate(each)} for each in (went, [*again])]
    for first, second, last in zip(went, back, again, strict=True):
        kept_back = _kept(second)
        returned = {taken.field: taken.value for taken in last.fields}
        for name, value in _kept(first).items():
            if name not in kept_back:
                assert _is_listed(name, second, bridges[PITCHTARGET].rules)
            elif name == "origin":
                origins = [
                    _place(value, first, places[0], went),
                    _place(returned[name], last, places[1], [*again]),
                ]
                assert origins[0] == origins[1]
            else:
                assert returned[name] == value, name


def _is_listed(name: str, moved: Moved, rules: Sequence[Rule]) -> bool:
    """Whether a field was lost by one of these rules."""
    taken = next(taken for taken in moved.fields if taken.field == name)
    return taken.outcome != "kept" and taken.rule in rules


def _place(origin: str, moved: Moved, places: Mapping[str, int], all_moved: Sequence[Moved]) -> int:
    """The place of an origin among the audiences, by either of its ids."""
    by_facebook = {
        each.row["facebook_id"]: at for at, each in enumerate(all_moved) if "facebook_id" in each.row
    }
    return by_facebook.get(origin, places.get(origin, -1))


def test_a_rule_for_each_field(bridges: Mapping[str, Bridge]) -> None:
    """For each field that an API can have, the other one has rules, the last of which has no condition: no
    field goes without a word."""
    for name, bridge in bridges.items():
        for other_name, other in bridges.items():
            if other_name == name:
                continue
            for field in bridge.names:
                last = [rule for rule in other.rules if rule.field == field][-1]
                assert last.applies({"population": "other: NONE", field: None, "account": "1"}), (field, last)
        assert {rule.field for rule in bridge.rules} <= FIELDS.keys()
        assert bridge.names.keys() <= FIELDS.keys()
        assert all(rule.name for rule in bridge.rules if rule.outcome != "lost")


def test_each_rule_can_decide(bridges: Mapping[str, Bridge]) -> None:
    """A rule that is lost has no name in the API, and no rule stands behind one without a condition."""
    for bridge in bridges.values():
        done: set[str] = set()
        for rule in bridge.rules:
            assert rule.field not in done, rule
            assert rule.outcome != "lost" or not rule.name, rule
            if rule.applies.__name__ == "_always":
                done.add(rule.field)


def test_lookalikes_of_each_other(bridges: Mapping[str, Bridge]) -> None:
    """A lookalike of itself, a ring of them, and one of an audience that is not moved are not moved; a long
    chain is."""

    def like(id: int, origin: int) -> SEED_ROW:
        spec = {"country": "US", "ratio": 0.01}
        named = {"id": str(id), "name": str(id), "account": "2", "kind": "LOOKALIKE"}
        return {"api": PITCHTARGET, **named, "origin_id": str(origin), "definition": spec}

    site = {
        "api": PITCHTARGET,
        "id": "10",
        "name": "Site",
        "account": "2",
        "kind": "WEBSITE",
        "retention_days": 9,
    }
    app = {**site, "id": "11", "name": "App", "kind": "APP"}
    chain = [like(100 + at, 101 + at) for at in range(3000)] + [like(3100, 10)]
    rows = [like(1, 1), like(2, 3), like(3, 2), like(4, 11), like(5, 99), app, *chain, site]
    move = _move({"audiences": rows}, bridges, source=PITCHTARGET)
    assert [moved.row["id"] for moved in move if not moved.rows] == ["1", "2", "3", "4", "5", "11"]
    assert len(move.seed()["audiences"]) == 3002


def test_a_moved_world_answers_alike() -> None:
    """What was moved is seeded into an empty world, and Pinterest's API answers it; moved back, PitchTarget's
    answers names, users, retention and country as before."""
    users = sha256(b"anna@example.com").digest() + sha256(b"ben@example.com").digest()
    common = {"api": PITCHTARGET, "account": "2"}
    seed = {
        "people": ["anna@example.com"],
        "audiences": [
            {
                **common,
                "kind": "CUSTOM",
                "name": "Buyers",
                "description": "of May",
                "id": "54",
                "user_type": "email_hash",
                "users": [base64.b64encode(users).decode()],
                "people": 140,
            },
            {
                **common,
                "kind": "LOOKALIKE",
                "name": "Like buyers",
                "origin_id": "54",
                "definition": {"country": "US", "ratio": 0.03},
            },
            {**common, "kind": "WEBSITE", "name": "Site", "retention_days": 30, "definition": "{}"},
        ],
    }
    with MockServer(match_rate=0) as mock:
        mock.seed(seed)
        moved = mock.bridge_seed()
        there = mock.in_world("there")
        there.seed(moved)
        buyers, like, site = sorted(there.audiences(), key=lambda audience: str(audience["id"]))
        shown = there.control("GET", f"/audiences/{buyers['id']}/objects?api=pinterest")["objects"][
            "audiences/get"
        ]
        assert (shown["audience_type"], shown["size"], shown["status"]) == ("CUSTOMER_LIST", 140, "READY")
        assert (shown["description"], like["kind"], site["kind"]) == ("of May", "ACTALIKE", "VISITOR")
        rule = there.state()["audiences"][1]["definition"]
        assert rule == {"country": "US", "percentage": 3, "seed_id": [str(buyers["id"])]}
        back = mock.in_world("back")
        back.seed(there.bridge_seed(PINTEREST))
        first, second, third = back.state()["audiences"]
        assert (first["name"], first["description"], first["people"]) == ("Buyers", "of May", 140)
        assert base64.b64decode("".join(first["users"])) == b"".join(
            sorted(users[at : at + 32] for at in (0, 32))
        )
        assert (second["origin_id"], second["definition"]) == (first["id"], {"country": "US", "ratio": 0.03})
        assert third["retention_days"] == 30
