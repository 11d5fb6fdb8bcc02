"""The clients that the fixtures `audience_mock_httpx` and `audience_mock_requests` hand out.

Both ask the Pinterest API of a world, and take nothing from the environment: a proxy named there does not
reach this machine. They raise ImportError without their library.
"""

from typing import TYPE_CHECKING

from audience_mock.client import MockWorld

if TYPE_CHECKING:
    import httpx
    import requests

HEADERS = {
    "Authorization": "Bearer pina_mock.ads:read+ads:write+biz_access:read+biz_access:write+user_accounts:read"
}
"""The token names its scopes, so strict mode accepts it, too."""


def httpx_client(world: MockWorld) -> "httpx.Client":
    """A client for paths such as /ad_accounts."""
    import httpx  # noqa: PLC0415 - an optional library

    return httpx.Client(base_url=world.urls.pinterest, headers=HEADERS, trust_env=False)


def requests_session(world: MockWorld) -> "requests.Session":
    """A session for paths such as /ad_accounts; requests itself has no base URL."""
    import requests  # noqa: PLC0415 - an optional library

    class Session(requests.Session):
        def prepare_request(self, request: "requests.Request") -> "requests.PreparedRequest":
            if isinstance(request.url, str) and request.url.startswith("/"):
                request.url = world.urls.pinterest + request.url
            return super().prepare_request(request)

    session = Session()
    session.headers.update(HEADERS)
    session.trust_env = False
    return session
