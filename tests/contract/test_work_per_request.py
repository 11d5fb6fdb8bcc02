"""The cost of the most frequent requests, as counts: times would differ between machines."""

import hashlib
from collections.abc import Sequence

import httpx
import pytest

from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.pitchtarget_requests import LOOKALIKE

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
VISITORS = {"name": "A", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}


@pytest.mark.sqlite_only(reason="it counts the statements of SQLite")
@pytest.mark.parametrize(
    ("method", "path", "body", "statements"),
    [
        ("GET", f"{AUDIENCES}/2542623499806", None, ["SELECT"]),
        ("GET", AUDIENCES, None, ["SELECT"]),
        ("POST", AUDIENCES, VISITORS, ["BEGIN", "UPDATE", "INSERT", "COMMIT"]),
        # Whether something is due to Facebook, an id that a seed named, and one of Facebook's sequence.
        (
            "POST",
            "/custom_audiences",
            LOOKALIKE,
            ["BEGIN", "SELECT", "DELETE", "UPDATE", "UPDATE", "INSERT", "COMMIT"],
        ),
    ],
)
def test_statements_of_a_request(
    mock: MockServer, method: str, path: str, body: dict[str, object] | None, statements: Sequence[str]
) -> None:
    """From the second one on: the first looks up who calls and where the ids go on."""
    token = PINTEREST_TOKEN if path.startswith("/v5") else PITCHTARGET_TOKEN
    with httpx.Client(base_url=mock.url, headers=token) as client:
        client.post(AUDIENCES, json=VISITORS, headers=PINTEREST_TOKEN)
        assert client.request(method, path, json=body).is_success
        run: list[str] = []
        driver = mock.world.database.driver
        driver.set_trace_callback(lambda text: run.append(text.split(maxsplit=1)[0]))
        try:
            assert client.request(method, path, json=body).is_success
        finally:
            driver.set_trace_callback(None)
    assert run == statements


@pytest.mark.sqlite_only(reason="it counts the statements of SQLite")
def test_statements_of_a_small_upload(mock: MockServer) -> None:
    """A small file is one transaction: a set of users and an audience, each with its id, and a report."""
    form = {"fb_ad_account_id": "2", "name": "A", "user_type": "email_hash"}
    file = {"file": ("users.csv", "\n".join(hashlib.sha256(b"%d" % n).hexdigest() for n in range(10)))}
    run: list[str] = []
    with httpx.Client(base_url=mock.url, headers=PITCHTARGET_TOKEN) as client:
        assert client.post("/custom_audiences", data=form, files=file).status_code == 201
        driver = mock.world.database.driver
        driver.set_trace_callback(lambda text: run.append(text.split(maxsplit=1)[0]))
        try:
            assert client.post("/custom_audiences", data=form, files=file).status_code == 201
        finally:
            driver.set_trace_callback(None)
    assert run == ["BEGIN", "UPDATE", "INSERT", "UPDATE", "INSERT", "INSERT", "COMMIT"]
