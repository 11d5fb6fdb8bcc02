"""A world's name that is blank, or that no world can have, selects none: not the shared one, not another."""

import http.client
from urllib.parse import urlsplit

import pytest

from audience_mock.client import connect
from audience_mock.testing import ControlError, MockServer
from helpers.accounts import AD_ACCOUNT

HEADER = "X-Audience-Mock-World"
RESET = "/__admin/reset"
LIST = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"


def send(
    mock: MockServer, method: str, path: str, headers: list[tuple[str, str]], body: bytes = b""
) -> tuple[int, str]:
    """Status and text of the answer to a request that no client would normalize."""
    connection = http.client.HTTPConnection(urlsplit(mock.url).netloc, timeout=60)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.fixture
def kept(mock: MockServer) -> MockServer:
    """A server whose shared world has an audience, which a reset would remove."""
    mock.seed(
        {
            "audiences": [
                {"api": "pinterest", "account": AD_ACCOUNT, "kind": "ENGAGEMENT", "name": "Kept", "id": "7"}
            ]
        }
    )
    return mock


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (RESET, [(HEADER, "")]),
        (RESET, [(HEADER, "  \t ")]),
        (RESET, [(HEADER, ""), (HEADER, "")]),
        (RESET, [(HEADER, ""), (HEADER, "blue")]),
        (RESET, [(HEADER, "blue"), (HEADER, "red")]),
        (RESET, [(HEADER, "blue, red")]),
        (RESET, [(HEADER, ""), ("Authorization", "Bearer pina_x~blue")]),
        (RESET, [("Authorization", "Bearer pina_x~")]),
        (RESET, [("Authorization", "Bearer pina_x~=")]),
        (RESET, [("Authorization", "Bearer pina_x~.hidden")]),
        (RESET, [("Authorization", "Bearer pina_x~blue/red")]),
        (RESET, [("Authorization", f"Bearer pina_x~{'b' * 101}")]),
        (RESET, [("Authorization", "OAuth x~")]),
        (f"/worlds/{RESET}", []),
        (f"/worlds/{RESET}", [(HEADER, "blue")]),
        (f"/worlds/%20{RESET}", []),
        (f"/worlds/%09{RESET}", []),
        (f"/worlds/%00{RESET}", []),
        (f"/worlds/..{RESET}", []),
        (f"/worlds/.{RESET}", []),
        (f"/worlds/%2e%2E{RESET}", []),
        (f"/worlds/%2F{RESET}", []),
        (f"/worlds/default%2Fx{RESET}", []),
        (f"/worlds/default%2f__admin%2freset{RESET}", []),
        (f"/worlds/default%2F..{RESET}", []),
    ],
)
def test_it_is_rejected_and_nothing_is_reset(
    kept: MockServer, path: str, headers: list[tuple[str, str]]
) -> None:
    """The answer is 400 and says what a name may be; no world is reset and none is created."""
    status, text = send(kept, "POST", path, headers)
    assert (status, "is not a valid name" in text) == (400, True), text
    assert kept.control("GET", "/worlds") == {"worlds": ["default"]}
    assert [row["name"] for row in kept.state()["audiences"]] == ["Kept"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/__admin/worlds/", b"{}"),
        ("PUT", "/__admin/worlds/%20", b"{}"),
        ("PUT", "/__admin/worlds/a%2Fb", b"{}"),
        ("DELETE", "/__admin/worlds/", b""),
        ("DELETE", "/__admin/worlds/%20", b""),
        ("POST", "/__admin/worlds/default/fork", b'{"name": ""}'),
        ("POST", "/__admin/worlds/default/fork", b'{"name": " "}'),
        ("POST", "/__admin/worlds/default/fork", b'{"name": "a/b"}'),
        ("POST", "/__admin/worlds/default/fork", b'{"name": "a\\n"}'),
        ("POST", "/__admin/worlds/default/fork", b"{}"),
        ("POST", "/__admin/worlds//fork", b'{"name": "a"}'),
        ("POST", "/__admin/worlds/default%2Ffork", b'{"name": "a"}'),
        ("GET", "/__admin/worlds/default/diff/", b""),
        ("GET", "/__admin/worlds/default%2Fdiff%2Fdefault", b""),
        ("PUT", "/__admin/snapshots/", b""),
        ("PUT", "/__admin/snapshots/%20", b""),
        ("PUT", "/__admin/snapshots/a%2Fb", b""),
        ("POST", "/__admin/snapshots/a%2Frestore", b""),
        ("POST", RESET, b'{"world": ""}'),
        ("POST", "/worlds%2Fdefault/__admin/reset", b""),
        ("POST", "/worlds%2Fblue/__admin/reset", b""),
        ("POST", "/worlds/blue/../default/__admin/reset", b""),
        ("POST", "/worlds/blue/%2e%2e/__admin/reset", b""),
        ("POST", "/__admin%2Freset", b""),
        ("POST", "/worlds", b""),
    ],
)
def test_the_control_api_takes_no_such_name_either(
    kept: MockServer, method: str, path: str, body: bytes
) -> None:
    """In a path or body of the control API a blank name is an error, and %2F or a dot segment leads nowhere
    else."""
    status, text = send(kept, method, path, [("Content-Type", "application/json")], body)
    assert status in (400, 404, 405, 415), text
    assert kept.control("GET", "/worlds")["worlds"] in (["default"], ["blue", "default"])
    assert kept.control("GET", "/snapshots") == {"snapshots": []}
    assert [row["name"] for row in kept.state()["audiences"]] == ["Kept"]


def test_an_encoded_slash_is_part_of_an_id(mock: MockServer) -> None:
    """`%2F` separates no segments in the emulated APIs either; other characters may be encoded anywhere."""
    token = [("Authorization", "Bearer pina_x")]
    assert send(mock, "GET", LIST, token)[0] == 200
    assert send(mock, "GET", LIST.replace("audiences", "%61udiences"), token)[0] == 200
    assert send(mock, "GET", f"/worlds/%62lue{LIST}", token)[0] == 200
    assert mock.control("GET", "/worlds") == {"worlds": ["blue", "default"]}
    for path in (LIST.replace("/audiences", "%2Faudiences"), f"{LIST}%2f1", "/custom_audiences%2F54"):
        assert send(mock, "GET", path, [*token])[0] in (400, 404), path
    assert "%2F" in send(mock, "GET", f"/worlds/a%252Fb{LIST}", token)[1]


def test_a_header_sent_twice_with_one_name_is_that_name(mock: MockServer) -> None:
    """A proxy that adds the same header again changes nothing."""
    assert send(mock, "POST", RESET, [(HEADER, "blue"), (HEADER, "blue ")])[0] == 204
    assert mock.control("GET", "/worlds") == {"worlds": ["blue", "default"]}


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "%2e"])
def test_the_client_selects_no_other_world(kept: MockServer, name: str) -> None:
    """A client that is given such a name raises ControlError, and the shared world stays as it is."""
    with pytest.raises(ControlError, match="is not a valid name"):
        kept.in_world(name).reset("empty")
    with pytest.raises(ControlError, match="is not a valid name"):
        connect(kept.url, world=name)
    assert [row["name"] for row in kept.state()["audiences"]] == ["Kept"]
