"""The descriptions are made when they are first asked for, by a thread, while requests arrive."""

from concurrent.futures import ThreadPoolExecutor

import httpx

from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.serve_command import Runner, command  # noqa: F401 - the fixture

DESCRIPTIONS = ("/openapi/pinterest.json", "/openapi/pitchtarget.json", "/openapi/control.json")


def test_many_ask_at_once_for_what_is_not_made_yet(command: Runner) -> None:  # noqa: F811 - the fixture
    """All get the whole description, and the operations it describes are served meanwhile."""
    url = command.serve().url
    asked = [*DESCRIPTIONS, "/__admin/operations", f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"] * 4
    with ThreadPoolExecutor(len(asked)) as threads:
        responses = [*threads.map(lambda path: httpx.get(url + path, headers=PINTEREST_TOKEN), asked)]
    assert {response.status_code for response in responses} == {200}
    for path in asked[:4]:
        (body,) = {response.content for response in responses if response.url.path == path}
        assert len(body) > 50_000
