"""Creates the resources that a Pinterest rule refers to: a customer list, a seed audience."""

import httpx

from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN


def create_customer_list(client: httpx.Client, *people: str, account: str = AD_ACCOUNT) -> str:
    """Creates a customer list of these addresses and returns its id: on a fresh server 5497558."""
    body = {"name": "Newsletter", "records": ",".join(people)}
    made = client.post(f"/ad_accounts/{account}/customer_lists", json=body, headers=PINTEREST_TOKEN)
    assert made.status_code == 201, made.text
    id: str = made.json()["id"]
    return id


def create_seed_audience(client: httpx.Client, account: str = AD_ACCOUNT) -> str:
    """Creates an audience that an ACTALIKE can name as its seed; returns its id."""
    body = {"name": "Engaged", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
    made = client.post(f"/ad_accounts/{account}/audiences", json=body, headers=PINTEREST_TOKEN)
    assert made.status_code == 201, made.text
    id: str = made.json()["id"]
    return id
