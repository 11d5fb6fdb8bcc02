"""/__admin/bridge over HTTP, and by the command."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from audience_mock.cli.main import main
from audience_mock.testing import ControlError, MockServer

COMMON = {"api": "pitchtarget", "account": "2"}
BUYERS = {
    **COMMON,
    "kind": "CUSTOM",
    "name": "Buyers",
    "user_type": "email_hash",
    "opt_out_link": "http://a.example",
}
PHONES = {**COMMON, "kind": "CUSTOM", "name": "Phones", "user_type": "phone_hash"}
LIKE = {
    **COMMON,
    "kind": "LOOKALIKE",
    "name": "Like buyers",
    "origin_id": "54",
    "definition": {"country": "US", "ratio": 0.15},
}
SITE = {**COMMON, "kind": "WEBSITE", "name": "Site", "retention_days": 30, "definition": "{}"}


def fields(item: dict[str, Any]) -> dict[str, tuple[str, Any, Any]]:
    return {each["field"]: (each["outcome"], each["value"], each["becomes"]) for each in item["fields"]}


def test_report(mock: MockServer) -> None:
    """Each field is kept, changed or lost, with its value on both sides, and a rule with its evidence."""
    mock.seed({"audiences": [BUYERS, PHONES, LIKE, SITE]})
    report = mock.bridge()
    assert (report["source"], report["target"]) == ("pitchtarget", "pinterest")
    assert report["audiences"] == {"moved": 3, "lost": 1}
    buyers, phones, like, site = report["items"]
    assert fields(buyers)["id_type"] == ("kept", "email_hash", "EMAIL")
    assert fields(buyers)["opt_out_link"] == ("lost", "http://a.example", None)
    assert phones["becomes"] is None
    assert {each["outcome"] for each in phones["fields"]} == {"lost"}
    assert fields(like)["percent"] == ("changed", 0.15, 10)
    assert fields(like)["origin"] == ("kept", "54", buyers["becomes"]["id"])
    assert [need["name"] for need in site["needs"]] == ["rule.visitor_source_id"]
    assert all(each["grade"] and each["source"] for item in report["items"] for each in item["fields"])
    (lost,) = [loss for loss in report["losses"] if loss["field"] == "opt_out_link"]
    assert (lost["audiences"], lost["outcome"], lost["grade"]) == (1, "lost", "documented")


def test_the_other_direction(mock: MockServer) -> None:
    """Pinterest's lists, shares and tokens that PitchTarget's API has no place for are counted."""
    account = "549755885175"
    mock.seed(
        {
            "customer_lists": [
                {"id": "7", "account": account, "name": "Used", "records": ["a@example.com"]},
                {"id": "8", "account": account, "name": "Alone"},
            ],
            "audiences": [
                {
                    "api": "pinterest",
                    "account": account,
                    "id": "5",
                    "kind": "CUSTOMER_LIST",
                    "name": "A",
                    "customer_list": "7",
                    "definition": {"customer_list_id": "7"},
                },
                {
                    "api": "pinterest",
                    "account": account,
                    "kind": "VISITOR",
                    "name": "V",
                    "definition": {"visitor_source_id": "1", "retention_days": 365},
                },
                {"api": "pinterest", "account": account, "kind": "PERSONA", "name": "P"},
            ],
            "shares": [{"api": "pinterest", "audience": "5", "recipient_kind": "account", "recipient": "1"}],
        }
    )
    report = mock.bridge("pinterest")
    assert report["target"] == "pitchtarget"
    assert {rest["section"]: rest["rows"] for rest in report["not_moved"]} == {
        "customer_lists": 1,
        "shares": 1,
    }
    listed, visitors, persona = report["items"]
    assert fields(listed)["id_type"] == ("kept", "EMAIL", "email_hash")
    assert fields(listed)["list_name"] == ("lost", "Used", None)
    assert fields(visitors)["retention_days"] == ("changed", 365, 180)
    assert persona["becomes"] is None


def test_limit_and_unknown_apis(mock: MockServer) -> None:
    """All audiences are counted, and those within the limit are shown; an API that is none is rejected."""
    mock.seed({"audiences": [BUYERS, SITE]})
    report = mock.bridge(limit=1)
    assert (report["audiences"]["moved"], len(report["items"])) == (2, 1)
    for query, field in (
        ("source=none", "source"),
        ("target=none", "target"),
        ("target=pitchtarget", "target"),
    ):
        with pytest.raises(ControlError) as rejected:
            mock.control("GET", f"/bridge?{query}")
        assert (rejected.value.status, rejected.value.field) == (400, field)


def run(mock: MockServer, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["bridge", "--url", mock.url, *arguments])


def test_command(mock: MockServer) -> None:
    """The command shows each audience with its fields, the losses by rule, and --seed the moved audiences."""
    mock.seed({"audiences": [BUYERS, PHONES]})
    ran = run(mock)
    assert ran.exit_code == 0, ran.output
    lines = ran.output.splitlines()
    assert lines[:2] == ["pitchtarget -> pinterest", "audiences: 1 moved, 1 lost"]
    assert "CUSTOM 54 Buyers: CUSTOMER_LIST 2542623499806" in lines
    assert "  kept     user_type: email_hash -> list_type: EMAIL" in lines
    assert "  lost     opt_out_link: http://a.example" in lines
    assert "CUSTOM 55 Phones: not moved" in lines
    assert "1 more audience (--limit)" in run(mock, "--limit", "1").output.splitlines()
    assert "2 more audiences (--limit)" in run(mock, "--limit", "0").output.splitlines()
    seed = json.loads(run(mock, "--seed").output)
    assert [audience["name"] for audience in seed["audiences"]] == ["Buyers"]
    assert json.loads(run(mock, "--json").output) == mock.bridge()
