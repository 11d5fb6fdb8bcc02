"""Lists the audiences of the mock: a place for your application."""

import json
from os import environ
from urllib.request import Request, urlopen


def listed(url: str, authorization: str) -> object:
    with urlopen(Request(url, headers={"Authorization": authorization})) as response:
        return json.load(response)


pinterest = environ["AUDIENCE_MOCK_PINTEREST_URL"]
pitchtarget = environ["AUDIENCE_MOCK_PITCHTARGET_URL"]
print(listed(f"{pinterest}/ad_accounts/549755885175/audiences", "Bearer pina_any"))
print(listed(f"{pitchtarget}/custom_audiences?fb_ad_account_id=2", "OAuth any"))
