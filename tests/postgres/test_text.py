"""Text that PostgreSQL cannot hold: U+0000, which SQLite stores like any other."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.postgres import Cluster

pytestmark = pytest.mark.replicas

HEADERS = {"pinterest": PINTEREST_TOKEN, "pitchtarget": PITCHTARGET_TOKEN, "control": {}}
WITHOUT_END = {"backup/get", "events/subscribe"}
"""Operations that are of SQLite alone, or whose answer has no end."""

TEXTS = ["%00", "12%00", "a%00b"]
ELSEWHERE = {"ad_account_id": AD_ACCOUNT, "world": "blue"}
"""Values of the other parameters; 1 for those that are not here."""

RENAME = "UPDATE audience_mock.worlds SET name = '@copy' WHERE name = 'blue'"


def requests_of(description: Mapping[str, Any], text: str) -> Iterator[tuple[str, str, str, Any]]:
    """Each operation with the text in each of its parameters: what it is, the method, the path, the body."""
    for path, methods in description["paths"].items():
        for method, facts in methods.items():
            parameters = [each for each in facts.get("parameters", ()) if each["in"] in ("path", "query")]
            for spoilt in parameters if facts["operationId"] not in WITHOUT_END else ():
                values = {each["name"]: ELSEWHERE.get(each["name"], "1") for each in parameters}
                values[spoilt["name"]] = text
                query = "&".join(
                    f"{each['name']}={values[each['name']]}"
                    for each in parameters
                    if each["in"] == "query" and (each.get("required") or each is spoilt)
                )
                target = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], path)  # noqa: B023
                body: Any = {} if "requestBody" in facts else None
                yield f"{facts['operationId']} {spoilt['name']}", method, f"{target}?{query}", body


def statuses(server: MockServer, text: str) -> dict[str, int]:
    """What a server answers to each of these requests."""
    found = {}
    for api, headers in HEADERS.items():
        base = server.pinterest_url if api == "pinterest" else server.url
        with httpx.Client(headers=headers) as client:
            description = client.get(f"{server.url}/openapi/{api}.json").json()
            for what, method, target, body in requests_of(description, text):
                found[f"{api} {what}"] = client.request(method, base + target, json=body).status_code
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_sought_by_text_that_cannot_be_stored_is_not_there(
    postgresql: Cluster, database: str, tmp_path: Path, text: str
) -> None:
    """In any parameter of any operation it is answered as over SQLite: nothing has this id, or fits."""
    with MockServer(seed="demo", database=f"sqlite:///{tmp_path}/world.db") as server:
        expected = statuses(server, text)
    assert {200, 400, 404} <= {*expected.values()}
    with MockServer(seed="demo", database=postgresql.url(database)) as server:
        assert statuses(server, text) == expected


def test_nothing_of_a_copy_that_no_request_can_name_is_found(postgresql: Cluster, database: str) -> None:
    """The copy of a dry run is a world of the database, and a request that knows its name gets 404."""
    with MockServer(database=postgresql.url(database)) as server:
        httpx.get(f"{server.url}/worlds/blue/__admin/state").raise_for_status()
        postgresql.run(
            "UPDATE audience_mock.worlds SET name = '@copy' WHERE name = 'blue'", database=database
        )
        for method in ("GET", "DELETE"):
            assert httpx.request(method, f"{server.url}/__admin/worlds/@copy").status_code == 404
        count = "SELECT count(*) FROM audience_mock.worlds WHERE name = '@copy'"
        assert postgresql.rows(count, database=database) == [(1,)]
