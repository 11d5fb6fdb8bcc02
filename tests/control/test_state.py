"""The state of a world over HTTP: exported, planted again, added to, compared with another's."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from audience_mock.core import ids, planting, tables
from audience_mock.core.seeds import Seed
from audience_mock.testing import MockServer
from documented import FILE_FIELDS, LOOKALIKE, WEBSITE
from shapes import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN, control_error

OTHER, BUSINESS = "549755885176", "729090764583391194"
ACCOUNTS = (AD_ACCOUNT, OTHER)
APP = httpx.BasicAuth("1234567", "secret")
SCHEMA = json.loads((Path(__file__).parents[2] / "fixtures/world.schema.json").read_text())
VISITORS = {"name": "v", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612345678901"}}


class Shop:
    """Somebody who works with both APIs in one world; each deed takes a number and a text, as chance has it."""

    def __init__(self, mock: MockServer, world: str) -> None:
        self.client = httpx.Client(base_url=f"{mock.url}/worlds/{world}", headers=PINTEREST_TOKEN)
        self.client.get("/__admin/health")
        self.core = mock.app.worlds.get(world)
        self.core.clock.freeze(1_790_000_000_123)
        self.made: list[str] = []
        self.lists: list[str] = []
        self.refresh = "pinr_mock.ads:read"

    def __enter__(self) -> "Shop":
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()

    def one(self, of: list[str], number: int) -> str:
        return of[number % len(of)] if of else "1"

    def send(self, method: str, path: str, **more: Any) -> Any:
        answer = self.client.request(method, path, **more)
        assert answer.status_code < 500, answer.text
        return answer.json() if answer.content and answer.is_success else {}

    def create(self, number: int, text: str) -> None:
        rules: list[dict[str, Any]] = [
            {
                "audience_type": "VISITOR",
                "rule": {"visitor_source_id": "1", "event_data": {"currency": text}},
            },
            {"audience_type": "ENGAGEMENT", "rule": {"engager_type": 1, "url": [text]}},
            {"audience_type": "CUSTOMER_LIST", "rule": {"customer_list_id": self.one(self.lists, number)}},
            {
                "audience_type": "ACTALIKE",
                "rule": {"seed_id": [self.one(self.made, number)], "country": "US"},
            },
        ]
        body = {"name": text, "description": text} | rules[number % 4]
        made = self.send("POST", f"/v5/ad_accounts/{ACCOUNTS[number % 2]}/audiences", json=body)
        self.made += [made["id"]] if made else []

    def change(self, number: int, text: str) -> None:
        path = f"/v5/ad_accounts/{ACCOUNTS[number % 2]}/audiences/{self.one(self.made, number)}"
        kind = "REMOVE" if number % 5 == 0 else "UPDATE"
        self.send("PATCH", path, json={"name": text, "operation_type": kind})

    def make_list(self, number: int, text: str) -> None:
        hashed = "0cc175b9c0f1b6a831c399e269772661"
        body = {"name": text, "records": f"ann{number}@example.com,{hashed},nonsense"}
        made = self.send("POST", f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists", json=body)
        self.lists.append(made["id"])

    def change_list(self, number: int, text: str) -> None:
        path = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists/{self.one(self.lists, number)}"
        kind = "REMOVE" if number % 3 == 0 else "ADD"
        self.send("PATCH", path, json={"operation_type": kind, "records": f"ann{number // 2}@example.com"})

    def fill_list(self, number: int, text: str) -> None:
        path = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists/{self.one(self.lists, number)}/uploads"
        made = self.send("POST", path, json={"operation": "ADD", "total_parts": 2})
        if made:
            for part in made["s3_multipart_upload_data"]["file_parts"][: 1 + number % 2]:
                sent = httpx.put(part["presigned_url"], content=f"bob{number}@example.com\nx\n".encode())
                assert sent.status_code == 200
            self.send("POST", f"{path}/{made['customer_list_upload']['id']}/run")

    def share(self, number: int, text: str) -> None:
        to, key, recipient = [
            ("ad_accounts", "recipient_account_ids", ACCOUNTS[(number + 1) % 2]),
            ("businesses", "recipient_business_ids", BUSINESS),
        ][number // 2 % 2]
        kind = "REVOKE" if number % 7 == 0 else "SHARE"
        body = {"audience_id": self.one(self.made, number), key: [recipient], "operation_type": kind}
        self.send("PATCH", f"/v5/ad_accounts/{ACCOUNTS[number % 2]}/audiences/{to}/shared", json=body)

    def ask_for_tokens(self, number: int, text: str) -> None:
        form = {"grant_type": "authorization_code", "code": f"c{number % 4}", "redirect_uri": "https://a.b/c"}
        if number % 3 == 0:
            form = {"grant_type": "refresh_token", "refresh_token": self.refresh}
        given = self.send("POST", "/v5/oauth/token", data=form, auth=APP)
        self.refresh = given.get("refresh_token", self.refresh)

    def upload(self, number: int, text: str) -> None:
        file = {"file": ("a.txt", "\n".join(f"{number % 5}{n}" for n in range(number)) + "\nx\n")}
        if number % 2 and self.send("GET", "/custom_audiences/54", headers=PITCHTARGET_TOKEN):
            self.send("PUT", "/custom_audiences/54", files=file, headers=PITCHTARGET_TOKEN)
        else:
            fields = FILE_FIELDS | {"name": text, "user_type": "fbid"}
            self.send("POST", "/custom_audiences", data=fields, files=file, headers=PITCHTARGET_TOKEN)

    def make_alike(self, number: int, text: str) -> None:
        body = [
            LOOKALIKE | {"origin_audience_id": [54, "54"][number // 2 % 2]},
            WEBSITE | {"rule": '{"a": 1.0, "url":{"i_contains":%s}}' % json.dumps(text)},
        ][number % 2]
        self.send(
            "POST",
            "/custom_audiences",
            json=body | {"name": text, "fb_ad_account_id": "12345678901234567890"},
            headers=PITCHTARGET_TOKEN,
        )

    def make_pixel(self, number: int, text: str) -> None:
        body = {"fb_ad_account_id": "2", "name": text, "tag": "LEAD"}
        self.send("POST", "/offsite_pixels", json=body, headers=PITCHTARGET_TOKEN)

    def delete(self, number: int, text: str) -> None:
        self.send("DELETE", f"/custom_audiences/{54 + number % 5}", headers=PITCHTARGET_TOKEN)

    def wait(self, number: int, text: str) -> None:
        self.core.clock.advance(number * 500)

    def reads(self) -> dict[str, str]:
        """What every read of both APIs answers in this world."""
        found: dict[str, str] = {}

        def read(path: str, headers: dict[str, str] = PINTEREST_TOKEN) -> Any:
            answer = self.client.get(path, headers=headers)
            found[path] = f"{answer.status_code} {answer.text}"
            return answer.json() if answer.is_success else {}

        def pages(path: str) -> Iterator[Any]:
            mark = ""
            while mark is not None:
                page = read(f"{path}page_size=2" + (f"&bookmark={mark}" if mark else ""))
                yield from page["items"]
                mark = page["bookmark"] and str(httpx.QueryParams({"b": page["bookmark"]}))[2:]

        for account in [one["id"] for one in pages("/v5/ad_accounts?")] or ACCOUNTS:
            at = f"/v5/ad_accounts/{account}"
            read(at)
            for one in pages(f"{at}/audiences?order=DESCENDING&"):
                read(f"{at}/audiences/{one['id']}")
                for kind in ("AD_ACCOUNT", "BUSINESS"):
                    read(f"{at}/audiences/shared/accounts?audience_id={one['id']}&account_type={kind}")
            list(pages(f"{at}/audiences?ownership_type=RECEIVED&"))
            for one in pages(f"{at}/customer_lists?"):
                read(f"{at}/customer_lists/{one['id']}")
                for number in range(2680059001, 2680059011):
                    read(f"{at}/customer_lists/{one['id']}/uploads/{number}")
            read(f"{at}/insights/audiences")
            read(f"{at}/audience_insights?audience_insight_type=YOUR_TOTAL_AUDIENCE")
        list(pages(f"/v5/businesses/{BUSINESS}/audiences?"))
        for account in ("2", "12345678901234567890"):
            query = f"fb_ad_account_id={account}"
            read(f"/custom_audiences?{query}", PITCHTARGET_TOKEN)
            read(f"/customaudiences?{query}", PITCHTARGET_TOKEN)
            read(f"/offsite_pixels?{query}", PITCHTARGET_TOKEN)
        for number in range(54, 64):
            read(f"/custom_audiences/{number}", PITCHTARGET_TOKEN)
            read(f"/customaudiences/{number}", PITCHTARGET_TOKEN)
        read("/__admin/uploads")
        return found


DEEDS = tuple(
    name
    for name in vars(Shop)
    if name not in ("one", "send", "reads") and not name.startswith("_") and callable(vars(Shop)[name])
)
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
).filter(str.strip)


@pytest.fixture(scope="module")
def shared() -> Iterator[MockServer]:
    """One server for many worlds."""
    with MockServer() as server:
        yield server


def same_again(mock: MockServer, before: Shop, name: str) -> None:
    """The world answers the same when it is emptied and seeded with its state, and so has the same state."""
    reads = before.reads()
    state = before.client.get("/__admin/state")
    assert state.status_code == 200, state.text
    jsonschema.Draft202012Validator(SCHEMA).validate(state.json())
    with Shop(mock, f"{name}-again") as after:
        assert after.client.post("/__admin/reset", json={"to": "empty"}).status_code == 204
        planted = after.client.post("/__admin/seed", content=state.content)
        assert planted.status_code == 200, planted.text
        assert after.reads() == reads
        assert after.client.get("/__admin/state").content == state.content
        between = f"{mock.url}/__admin/worlds/{name}/diff/{name}-again"
        assert httpx.get(between).json() == {}


_count = iter(range(10**9))


@settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(deeds=st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 30), texts), max_size=14))
def test_a_state_brings_a_world_back(shared: MockServer, deeds: list[tuple[str, int, str]]) -> None:
    """Whatever was done in a world, an empty one that is seeded with its state answers every read the same, to
    the byte, and has the same state."""
    name = f"w{next(_count)}"
    with Shop(shared, name) as shop:
        for deed, number, text in deeds:
            getattr(shop, deed)(number, text)
        same_again(shared, shop, name)


def work(shop: Shop) -> None:
    """Something of every section, whose digests no one reads."""
    for number in range(1, 9):
        for deed in ("make_list", "create", "fill_list", "upload", "share", "ask_for_tokens", "make_alike"):
            getattr(shop, deed)(number, f"n{number}")
    shop.make_pixel(1, "p")
    shop.client.post(
        "/__admin/seed",
        json={
            "facebook_ids": ["7"],
            "people": ["ann@example.com"],
            "apps": [{"id": "1", "secret": "s"}],
            "businesses": [{"id": BUSINESS, "name": "B", "ad_accounts": [{"id": OTHER, "name": "O"}]}],
            "tokens": [{"token": "pina_x", "scopes": ["ads:read"], "ad_accounts": ["1"], "expires_at": 2e9}],
            "audiences": [{"api": "pitchtarget", "account": "2", "kind": "APP", "name": "a", "ready_in_s": 60,
                           "facebook_object": {"account_id": "9"}, "status": "TOO_SMALL"}],
        },
    ).raise_for_status()  # fmt: skip


def test_a_state_has_every_section(shared: MockServer) -> None:
    """A world that holds something of everything has it all in its state, which brings it back."""
    with Shop(shared, "everything") as shop:
        work(shop)
        state = shop.client.get("/__admin/state").json()
        named = {field.alias or name for name, field in Seed.model_fields.items()}
        assert state.keys() == named - {"$schema"}
        assert any("links" in one for one in state["customer_lists"])
        assert any("parts" in one for one in state["customer_list_uploads"])
        assert any("errors" in one for one in state["customer_list_uploads"])
        assert any(one["invalid_lines"] for one in state["uploads"])
        same_again(shared, shop, "everything")


NOT_IN_A_STATE = {
    *("audiences.key", "uploads.key", "pixels.key", "upload_parts.file", "upload_pieces.file"),
    *("remembered.name", "remembered.value", "parties.kind"),
}
"""Numbers that no answer shows, the clock (which is there as such) and settings, which a state leaves out."""


def test_a_state_has_every_column(shared: MockServer) -> None:
    """Each column of each table is in the state: one that changes there changes the state, or its seed is
    refused; so nobody adds a column and forgets it here."""
    with Shop(shared, "columns") as shop:
        work(shop)
        before = shop.client.get("/__admin/state").content
        driver = shop.core.database.driver
        for table in tables.SQLModel.metadata.sorted_tables:
            for column in table.columns:
                if f"{table.name}.{column.name}" in NOT_IN_A_STATE or table.name == "user_blocks":
                    continue
                assert driver.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0], table.name
                driver.execute("BEGIN")
                other = "x'00'" if column.name in ("digest", "content") else "12345"
                if column.name in ("definition", "facebook_object", "errors"):
                    other = "'{\"a\":1}'"
                if column.name == "invalid_lines":
                    other = "'[[1, \"b\"]]'"
                if column.name in ("user_set", "link_set"):
                    other = "NULL"
                if column.name == "business":
                    other = "'12345'"
                one = f"rowid = (SELECT max(rowid) FROM {table.name} WHERE {column.name} IS NOT NULL)"
                driver.execute(f'UPDATE {table.name} SET "{column.name}" = {other} WHERE {one}')
                driver.execute("COMMIT")
                after = shop.client.get("/__admin/state").content
                assert after != before, f"{table.name}.{column.name} is not in the state"
                before = after
