"""What a rule of Pinterest's names and needs to be there: a customer list, an audience to be like."""

import httpx

from helpers.shapes import AD_ACCOUNT, PINTEREST_TOKEN


def customer_list(client: httpx.Client, *people: str, account: str = AD_ACCOUNT) -> str:
    """Make a customer list of these addresses; answers its id, of a fresh server 5497558."""
    body = {"name": "Newsletter", "records": ",".join(people)}
    made = client.post(f"/ad_accounts/{account}/customer_lists", json=body, headers=PINTEREST_TOKEN)
    assert made.status_code == 201, made.text
    id: str = made.json()["id"]
    return id


def seed(client: httpx.Client, account: str = AD_ACCOUNT) -> str:
    """Make an audience that another may be like; answers its id."""
    body = {"name": "Engaged", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
    made = client.post(f"/ad_accounts/{account}/audiences", json=body, headers=PINTEREST_TOKEN)
    assert made.status_code == 201, made.text
    id: str = made.json()["id"]
    return id
